// Everything that is checked, one gate after the other: check.ts [arguments for vitest]. `--fast` leaves out the gates
// that build the site, fetch runtimes, or pack the packages.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

interface Gate {
  readonly name: string
  readonly command: readonly string[]
  /** Part of `--fast`. */
  readonly fast: boolean
}

const args = process.argv.slice(2)
const fast = args.includes('--fast')
const vitestArgs = args.filter((argument) => argument !== '--fast')

const gates: readonly Gate[] = [
  { name: 'build', command: ['pnpm', 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only'], fast: true },
  { name: 'types', command: ['pnpm', 'exec', 'turbo', 'run', 'typecheck', '--output-logs=errors-only'], fast: true },
  { name: 'types of scripts and tests', command: ['pnpm', 'exec', 'tsc', '-p', 'tsconfig.json'], fast: true },
  { name: 'format and lint', command: ['pnpm', 'exec', 'biome', 'check', '--error-on-warnings', '.'], fast: true },
  { name: 'lint with types', command: ['pnpm', 'exec', 'oxlint', '--type-aware', '--deny-warnings'], fast: true },
  { name: 'unused code', command: ['pnpm', 'exec', 'knip'], fast: true },
  { name: 'figures', command: ['node', 'scripts/figures/main.ts'], fast: true },
  { name: 'walk', command: ['node', 'scripts/walk/main.ts'], fast: true },
  { name: 'public API', command: ['node', 'scripts/api-reports.ts'], fast: true },
  { name: 'sizes', command: ['node', 'scripts/size-limits.ts'], fast: true },
  { name: 'licences', command: ['node', 'scripts/licences.ts'], fast: true },
  { name: 'tests', command: ['pnpm', 'exec', 'vitest', 'run', ...vitestArgs], fast: true },
  { name: 'site', command: ['pnpm', 'docs:check'], fast: false },
  { name: 'runtimes', command: ['node', 'scripts/check-runtimes.ts'], fast: false },
  { name: 'packages', command: ['node', 'scripts/check-packages.ts'], fast: false },
]

const root = fileURLToPath(new URL('..', import.meta.url))
/** How much of what a failed gate printed is repeated at the end, where a reader of a long log looks first. */
const repeatedLines = 100

/** Runs a gate: its output is passed on at once, and its last lines are returned if it failed. */
async function outputOfFailure([program = '', ...programArgs]: readonly string[]): Promise<string | undefined> {
  const child = spawn(program, programArgs, { cwd: root, stdio: ['inherit', 'pipe', 'pipe'] })
  let output = ''
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-64 * 1024)
      to.write(text)
    })
  }
  const [code] = await once(child, 'close')
  return code === 0 ? undefined : output.trimEnd().split('\n').slice(-repeatedLines).join('\n')
}

const failed = new Map<string, string>()
const due = gates.filter((gate) => gate.fast || !fast)
for (const { name, command } of due) {
  const startedAt = performance.now()
  process.stdout.write(`\n── ${name}: ${command.join(' ')}\n`)
  const output = await outputOfFailure(command)
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  process.stdout.write(`── ${name}: ${output === undefined ? 'passed' : 'FAILED'} after ${seconds} s\n`)
  if (output !== undefined) failed.set(name, output)
}
for (const [name, output] of failed)
  process.stdout.write(`\n── the end of ${name} again, since it failed:\n${output}\n`)
const names = [...failed.keys()]
process.stdout.write(names.length === 0 ? '\nEvery gate passed.\n' : `\nFailed: ${names.join(', ')}\n`)
process.stdout.write(`gates: ${due.length - names.length} passed, ${names.length} failed\n`)
process.exitCode = names.length === 0 ? 0 : 1
