import { instance, seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evenSubset } from './even-subset.ts'
import type { ServiceInstance } from './instance.ts'

const runs = { seed: 20_261_130, numRuns: 300 }
const fleet = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,6}$/), { minLength: 1, maxLength: 40 })
const size = fc.integer({ min: 1, max: 40 })

/** The ids of each client's subset. */
function subsets(list: readonly ServiceInstance[], each: number, clients: number): Set<string>[] {
  return Array.from(
    { length: clients },
    (_, index) => new Set(evenSubset(list, { size: each, index, clients }).map(({ id }) => id)),
  )
}

/** How many clients each instance has. */
function clientsOf(list: readonly ServiceInstance[], found: readonly Set<string>[]): number[] {
  const counts = new Map(list.map(({ id }) => [id, 0]))
  for (const subset of found) for (const id of subset) counts.set(id, (counts.get(id) ?? 0) + 1)
  return [...counts.values()]
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts)
}

/** How many instances the clients of both use that they did not use before. */
function gained(before: readonly Set<string>[], after: readonly Set<string>[]): number {
  return before.reduce(
    (sum, subset, client) => sum + [...(after[client] ?? [])].filter((id) => !subset.has(id)).length,
    0,
  )
}

function randomFleet(count: number, seed: number): ServiceInstance[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index) => instance(`10.0.${index}.${Math.floor(random() * 1e9)}:80`))
}

describe('evenSubset', () => {
  it('gives every client as many as asked for, in list order, and any two instances as many clients, but for one', () => {
    fc.assert(
      fc.property(fleet, size, fc.integer({ min: 1, max: 60 }), (ids, each, clients) => {
        const list = ids.map((id) => instance(id))
        const found = subsets(list, each, clients)
        for (const subset of found) {
          expect(subset.size).toBe(Math.min(each, list.length))
          expect([...subset]).toEqual(ids.filter((id) => subset.has(id)))
        }
        expect(spread(clientsOf(list, found))).toBeLessThanOrEqual(1)
      }),
      runs,
    )
  })

  it.each([
    [5, 5, 50],
    [10, 5, 50],
    [100, 20, 37],
    [1_000, 19, 20],
    [10_000, 5, 50],
  ])('is even for %i clients of %i instances out of %i', (clients, each, count) => {
    const list = randomFleet(count, clients)
    const found = subsets(list, each, clients)
    expect(found.every((subset) => subset.size === each)).toBe(true)
    expect(spread(clientsOf(list, found))).toBeLessThanOrEqual(1)
  })

  it('depends on the ids, whatever their order', () => {
    fc.assert(
      fc.property(
        fleet.chain((ids) => fc.tuple(fc.constant(ids), fc.shuffledSubarray(ids, { minLength: ids.length }))),
        size,
        fc.integer({ min: 1, max: 20 }),
        fc.nat(),
        ([ids, shuffled], each, clients, at) => {
          const options = { size: each, index: at % clients, clients }
          const chosen = (order: readonly string[]): string[] =>
            evenSubset(
              order.map((id) => instance(id)),
              options,
            ).map(({ id }) => id)
          expect(chosen(shuffled).toSorted()).toEqual(chosen(ids).toSorted())
        },
      ),
      runs,
    )
  })

  // The least that can change: the clients of the instance that comes or goes, or the instances of the client.
  it.each([
    [10, 5, 50],
    [33, 5, 50],
    [100, 5, 50],
    [100, 20, 200],
    [1_000, 10, 100],
  ])(
    'changes at most four times the least for %i clients of %i instances out of %i, on average',
    (clients, each, count) => {
      const rounds = clients > 100 ? 2 : 10
      let [came, went, joined] = [0, 0, 0]
      for (let round = 0; round < rounds; round++) {
        const more = randomFleet(count + 1, round + 1)
        const list = more.filter((_, index) => index !== round)
        const [before, after] = [subsets(list, each, clients), subsets(more, each, clients)]
        const least = (clients * each) / (count + 1)
        came += gained(before, after) / least / rounds
        went += gained(after, before) / least / rounds
        joined += gained(before, subsets(list, each, clients + 1)) / each / rounds
      }
      for (const changes of [came, went, joined]) expect(changes).toBeLessThan(4)
    },
  )

  // Exact evenness leaves few free places: a chain of exchanges to one grows with the logarithm of the places that clients do not get
  // by their hashes alone, about √(clients of an instance) at each instance.
  it.each([
    [10, 5, 50],
    [100, 5, 50],
    [1_000, 5, 50],
    [1_000, 10, 100],
    [5_000, 5, 50],
    [300, 20, 1_000],
  ])(
    'changes little for %i clients of %i instances out of %i when more join one after the other',
    (clients, each, count) => {
      const joining = Math.ceil(count / each)
      const list = randomFleet(count, 3)
      let before = subsets(list, each, clients)
      let changed = 0
      for (let more = 1; more <= Math.min(10, joining); more++) {
        const after = subsets(list, each, clients + more)
        changed += (each + gained(before, after)) / each / Math.min(10, joining)
        before = after
      }
      expect(changed).toBeLessThan(2 + Math.log(count * Math.sqrt((clients * each) / count)) / 2)
    },
  )

  it('takes all when there are no more', () => {
    const list = randomFleet(3, 1)
    expect(evenSubset(list, { size: 3, index: 1, clients: 2 })).toEqual(list)
    expect(evenSubset([], { size: 3, index: 1, clients: 2 })).toEqual([])
  })

  it('does not change the list', () => {
    const list = Object.freeze(randomFleet(10, 1))
    expect(evenSubset(list, { size: 2, index: 0, clients: 3 }).length).toBe(2)
  })
})
