import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { CommandDefinition } from '../src/command-definition.ts'
import { commandList } from '../src/command-list.ts'
import { run } from './run-command.ts'

const values = [
  '',
  '0',
  '-1',
  '9'.repeat(400),
  'a:1,b:2',
  '\u001b[2J',
  '\n',
  'é',
  '../x',
  '__proto__',
  '=',
  'a=1',
  'json',
  'http://u:p@h:9/x?y#z',
  '[::1]',
]
const quick = commandList.filter(({ name }) => name !== 'watch' && name !== 'simulate')

/** Command lines with all arguments and a source, so that what is wrong is a value. */
function linesOf({ name, arguments: form, flags }: CommandDefinition): fc.Arbitrary<string[]> {
  const source = flags.some((flag) => flag.flags.startsWith('--static'))
    ? '--static=127.0.0.1:9'
    : '--url=http://127.0.0.1:9'
  const count = form.split(' ').length
  const word = fc.tuple(fc.constantFrom(...flags), fc.constantFrom(...values)).map(([flag, value]) => {
    const long = /--[\w-]+/.exec(flag.flags)?.[0] ?? ''
    return /[<[]/.test(flag.flags) ? `${long}=${value}` : long
  })
  const args = fc.array(fc.constantFrom(...values.filter((value) => !value.startsWith('-'))), {
    minLength: count,
    maxLength: count,
  })
  return fc
    .tuple(fc.array(word, { maxLength: 2 }), args)
    .map(([words, given]) => [name, source, ...words, '--timeout=50ms', '--', ...given])
}

it('ends with a code of its own, a line that says why, and nothing that drives the terminal', async () => {
  const lines = fc.constantFrom(...quick).chain(linesOf)
  await fc.assert(
    fc.asyncProperty(lines, async (line) => {
      const { code, out, err } = await run(line)
      expect([0, 1, 2, 3]).toContain(code)
      expect((out + err).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
      expect(err).not.toMatch(/TypeError|undefined|\[object|NaN|is not a function/)
      if (code !== 0) expect(out + err).toMatch(/^lb: .+|^✗ .+| failed,/m)
    }),
    { seed: 20_240_607, numRuns: 300 },
  )
})
