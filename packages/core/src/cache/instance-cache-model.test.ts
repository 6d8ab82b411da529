import { FakeWatchDiscovery } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { observedCache } from '../../test/observed-cache.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'

type Answer =
  | { readonly kind: 'list'; readonly hosts: readonly string[]; readonly bad: boolean }
  | { readonly kind: 'garbage'; readonly value: unknown }
  | { readonly kind: 'error' }

const answers: fc.Arbitrary<Answer> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      hosts: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
      bad: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'list' as const, hosts: [], bad: false }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('garbage' as const),
      value: fc.constantFrom(null, undefined, 7, 'a:1', {}, { instances: ['a:1'] }, ['x'], [null], [{ host: 'a' }]),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'error' as const }) },
)

/** The last good list, as simply as it can be said. */
class Model {
  list: string[] = []
  known = false
  changes = 0
  failing = false
  #emptyBefore = false
  readonly #emptyAtOnce: boolean

  constructor(emptyAtOnce: boolean) {
    this.#emptyAtOnce = emptyAtOnce
  }

  receive(answer: Answer): void {
    // A list in which nothing is usable says nothing.
    if (answer.kind !== 'list' || (answer.bad && answer.hosts.length === 0)) {
      this.failing = true
      return
    }
    this.failing = false
    const empty = answer.hosts.length === 0
    const confirmed = this.#emptyAtOnce || this.#emptyBefore || this.list.length === 0
    this.#emptyBefore = empty && !confirmed
    if (empty && !confirmed) return
    const next = this.list.filter((host) => answer.hosts.includes(host))
    next.push(...answer.hosts.filter((host) => !this.list.includes(host)))
    if (!this.known || next.join() !== this.list.join()) this.changes++
    this.known = true
    this.list = next
  }

  get state(): string {
    if (!this.known) return 'waiting'
    return this.failing ? 'stale' : 'fresh'
  }
}

function deliver(discovery: FakeWatchDiscovery, answer: Answer): void {
  if (answer.kind === 'error') discovery.fail(new Error('down'))
  else if (answer.kind === 'garbage') discovery.push(answer.value as readonly ServiceInstanceInit[])
  else {
    const list = answer.hosts.map((host) => `${host}:1`)
    discovery.push(answer.bad ? [...list, 'bad'] : list)
  }
}

describe('the cache', () => {
  it.each([
    ['confirmed', undefined],
    ['at once', 0],
  ])('keeps the last good list under any sequence of answers, empty ones %s', (_, emptyGraceMs) => {
    fc.assert(
      fc.property(fc.array(answers, { maxLength: 30 }), (sequence) => {
        const discovery = new FakeWatchDiscovery()
        const { cache, clock, ids, changes } = observedCache(discovery, { emptyGraceMs })
        const model = new Model(emptyGraceMs === 0)
        for (const answer of sequence) {
          deliver(discovery, answer)
          model.receive(answer)
          expect(ids()).toEqual(model.list.map((host) => `${host}:1`))
          expect(cache.state.kind).toBe(model.state)
          expect(changes).toHaveLength(model.changes)
        }
        cache.close()
        expect([clock.pendingTimers, discovery.watchers]).toEqual([0, 0])
      }),
      { seed: 20_240_606, numRuns: 2_000 },
    )
  })
})
