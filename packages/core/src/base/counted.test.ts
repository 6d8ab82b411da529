import { expect, it } from 'vitest'
import { counted } from './counted.ts'

it('has the plural unless the count is 1', () => {
  expect([0, 1, 2, 1_000].map((count) => counted(count, 'request'))).toEqual([
    '0 requests',
    '1 request',
    '2 requests',
    '1000 requests',
  ])
})
