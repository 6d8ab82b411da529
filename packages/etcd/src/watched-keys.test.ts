import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WatchEvent } from './messages.ts'
import { WatchedKeys } from './watched-keys.ts'

const put = (key: string, value: string, revision: number): WatchEvent => ({
  key,
  value,
  modRevision: BigInt(revision),
  deleted: false,
})
const remove = (key: string, revision: number): WatchEvent => ({
  key,
  value: '',
  modRevision: BigInt(revision),
  deleted: true,
})

function listed(revision: number, ...entries: WatchEvent[]): WatchedKeys {
  const keys = new WatchedKeys()
  keys.replace({ revision: BigInt(revision), entries, count: BigInt(entries.length) })
  return keys
}

function values(keys: WatchedKeys): Record<string, string> {
  return Object.fromEntries(Array.from(keys.entries.values(), ({ key, value }) => [key, value]))
}

describe('watched keys', () => {
  it('follow puts and deletes, and reach the revision of the last one', () => {
    const keys = listed(10, put('a', '1', 3), put('b', '1', 4))
    expect(keys.apply({ events: [put('a', '2', 12), remove('b', 12), put('c', '1', 13)], revision: 40n })).toBe(true)
    expect(values(keys)).toEqual({ a: '2', c: '1' })
    // Not 40: more of what happened up to there may follow.
    expect(keys.revision).toBe(13n)
  })

  it('a message without events moves the revision on, never back', () => {
    const keys = listed(10)
    expect(keys.apply({ events: [], revision: 60n })).toBe(false)
    expect(keys.revision).toBe(60n)
    keys.apply({ events: [], revision: 20n })
    keys.apply({ events: [], revision: undefined })
    expect(keys.revision).toBe(60n)
  })

  it('what is known already changes nothing', () => {
    const keys = listed(10, put('a', 'new', 10))
    expect(keys.apply({ events: [put('a', 'old', 9), remove('a', 10)], revision: 10n })).toBe(false)
    expect(values(keys)).toEqual({ a: 'new' })
  })

  it('the same value written again is no change', () => {
    const keys = listed(10, put('a', '1', 3))
    expect(keys.apply({ events: [put('a', '1', 11)], revision: 11n })).toBe(false)
    expect(keys.revision).toBe(11n)
  })

  it('a list replaces everything', () => {
    const keys = listed(10, put('a', '1', 3), put('b', '1', 3))
    keys.forget()
    expect(keys.revision).toBeUndefined()
    expect(keys.apply({ events: [put('c', '1', 11)], revision: 11n })).toBe(false)
    keys.replace({ revision: 20n, entries: [put('b', '2', 15)], count: 1n })
    expect(values(keys)).toEqual({ b: '2' })
  })

  it('are behind when the store has a newer key, or another number of them', () => {
    const keys = listed(10, put('a', '1', 3))
    const answer = (revision: bigint, newest: number, count: bigint) => ({
      revision,
      entries: [put('a', '', newest)],
      count,
    })
    expect(keys.isBehind(answer(30n, 3, 1n))).toBe(false)
    expect(keys.isBehind(answer(30n, 25, 1n))).toBe(true)
    expect(keys.isBehind(answer(30n, 3, 2n))).toBe(true)
    expect(keys.isBehind({ revision: 30n, entries: [], count: 0n })).toBe(true)
    // An answer from before says nothing.
    expect(keys.isBehind(answer(9n, 3, 7n))).toBe(false)
  })
})

it('however a history is cut into list and messages, and however often parts of it are repeated, the keys end up the same', () => {
  const change = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom('1', '2'),
    deleted: fc.boolean(),
  })
  const property = fc.property(
    fc.array(change, { maxLength: 20 }),
    fc.nat(20),
    fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 5 })), { maxLength: 20 }),
    (changes, cut, repeats) => {
      const history = changes.map((event, index) => ({ ...event, modRevision: BigInt(index + 1) }))
      const whole = new WatchedKeys()
      whole.replace({ revision: 0n, entries: [], count: 0n })
      whole.apply({ events: history, revision: undefined })

      const before = new WatchedKeys()
      before.replace({ revision: 0n, entries: [], count: 0n })
      before.apply({ events: history.slice(0, cut), revision: undefined })
      const keys = new WatchedKeys()
      keys.replace({
        revision: BigInt(Math.min(cut, history.length)),
        entries: [...before.entries.values()],
        count: 0n,
      })
      let reached = Math.min(cut, history.length)
      for (const [back, length] of repeats) {
        const from = Math.max(0, reached - back)
        const events = history.slice(from, Math.max(reached, from) + length)
        keys.apply({ events, revision: undefined })
        reached = Math.max(reached, from + events.length)
      }
      keys.apply({ events: history.slice(reached), revision: undefined })
      expect(values(keys)).toEqual(values(whole))
    },
  )
  fc.assert(property, { seed: 20_240_607, numRuns: 1_000 })
})
