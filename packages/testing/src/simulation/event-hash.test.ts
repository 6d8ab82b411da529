import { describe, expect, it } from 'vitest'
import { EventHash } from './event-hash.ts'

type Event = [kind: number, atMs: number, subject: number, detail: number | string]

function digest(...events: readonly Event[]): string {
  const hash = new EventHash()
  for (const event of events) hash.add(...event)
  return hash.digest
}

describe('EventHash', () => {
  it('is the same for the same events, and another for any that differ, however little, or in order', () => {
    const first: Event = [1, 1_000.25, 3, 200]
    const second: Event = [2, 1_000.25, 4, -1]
    expect(digest(first, second)).toBe(digest(first, second))
    const others = [
      digest(first, second),
      digest(second, first),
      digest(first),
      digest(),
      digest([2, 1_000.25, 3, 200], second),
      digest([1, 1_000.25 + 2 ** -40, 3, 200], second),
      digest([1, 1_000.25, 2, 200], second),
      digest([1, 1_000.25, 3, 201], second),
      digest([1, 1_000.25, 3, 'retry'], second),
      digest([1, 1_000.25, 3, 'hedge'], second),
    ]
    expect(new Set(others).size).toBe(others.length)
    for (const other of others) expect(other).toMatch(/^[0-9a-f]{16}$/)
  })
})
