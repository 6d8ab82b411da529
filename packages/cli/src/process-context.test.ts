import { expect, it } from 'vitest'
import { outputOf } from './process-context.ts'
import { Screen } from './screen.ts'

it('a terminal of an unknown size, which says 0, is written to all the same', () => {
  let written = ''
  const write = (text: unknown) => {
    written += text
    return true
  }
  new Screen(outputOf({ write, isTTY: true, columns: 0, rows: 0 })).show('users  3/3\n')
  expect(written).toContain('users  3/3')
})
