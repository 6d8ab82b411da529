import { instance, instances, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { changed, churn, positive } from '../../../test/churn.ts'
import { InvalidOptionError } from '../../base/errors.ts'
import { XxHash64 } from '../../base/xxhash64.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { MaglevBalancer, type MaglevOptions } from './maglev.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

// A smaller table than the default, as the suite makes a thousand of them.
describeBalancer(
  'MaglevBalancer with a load factor',
  (options) => new MaglevBalancer({ ...options, tableSize: 5_003, loadFactor: 1.25 }),
  {
    weights: 'statistical',
    hashes: true,
  },
)

function filled(list: readonly ServiceInstance[], options: MaglevOptions = {}): MaglevBalancer {
  const balancer = new MaglevBalancer(options)
  balancer.update(list)
  return balancer
}

/** The owner of every place: requests without a key go where `random` says. */
function tableOf(list: readonly ServiceInstance[], size: number): (string | undefined)[] {
  let place = 0
  const balancer = filled(list, { tableSize: size, random: () => (place++ + 0.5) / size })
  return Array.from({ length: size }, () => balancer.pick()?.id)
}

function countsOf(table: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const id of table) counts[id ?? 'nobody'] = (counts[id ?? 'nobody'] ?? 0) + 1
  return counts
}

function movedShare(
  before: readonly (string | undefined)[],
  after: readonly (string | undefined)[],
  id: string,
): number {
  return before.filter((owner, place) => owner !== id && owner !== after[place]).length / before.length
}

describe('MaglevBalancer', () => {
  it.each([
    [
      { a: 1, b: 2 },
      { a: 21_846, b: 43_691 },
    ],
    [
      { b: 1, a: 2 },
      { b: 21_846, a: 43_691 },
    ],
    [{ a: 1 }, { a: 65_537 }],
  ])('gives each instance its share of the places: %o', (weights, places) => {
    expect(countsOf(tableOf(weighted(weights), 65_537))).toEqual(places)
  })

  it('gives each instance its share to within one place, for any weights', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), (weights) => {
        const list = weights.map((weight, index) => instance(`i${index}`, { weight }))
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const counts = countsOf(tableOf(list, 1_009))
        const heaviest = Math.max(...weights)
        const rounds = (1_009 * heaviest) / total
        for (const { id, weight } of list) {
          // Each is at most one claim ahead of its weight, which makes as many too few for the others together.
          expect(Math.abs((counts[id] ?? 0) - (rounds * weight) / heaviest)).toBeLessThanOrEqual(1 + weights.length)
        }
      }),
      { seed: 20_240_607, numRuns: 300 },
    )
  })

  it('lets each claim the places of its own order in turn, as in the paper', () => {
    const list = instances(3)
    const size = 7
    const orders = list.map(({ id }) => {
      const hash = new XxHash64()
      hash.hash(id)
      const offset = Number(((BigInt(hash.high) << 32n) | BigInt(hash.low)) % 7n)
      hash.hash(id, 1)
      const skip = Number(((BigInt(hash.high) << 32n) | BigInt(hash.low)) % 6n) + 1
      return Array.from({ length: size }, (_, step) => (offset + step * skip) % size)
    })
    const expected: (string | undefined)[] = Array.from({ length: size })
    for (let turn = 0; expected.includes(undefined); turn++) {
      const place = orders[turn % 3]?.find((each) => expected[each] === undefined) as number
      expected[place] = list[turn % 3]?.id
    }
    expect(tableOf(list, size)).toEqual(expected)
  })

  it('moves few places but those of the instance that goes or comes', () => {
    const before = tableOf(instances(20), 65_537)
    for (const gone of ['i0', 'i7', 'i19']) {
      const after = tableOf(
        instances(20).filter(({ id }) => id !== gone),
        65_537,
      )
      expect(after).not.toContain(gone)
      // The paper measures a few per cent for tables a hundred times the number of instances, and less for larger ones.
      expect(movedShare(before, after, gone)).toBeLessThan(0.05)
      expect(movedShare(after, before, gone)).toBeLessThan(0.1)
    }
  })

  it('gives the instance of the place that the key belongs to, for any key', () => {
    const size = 101
    const table = tableOf(instances(4), size)
    const balancer = filled(instances(4), { tableSize: size })
    const hash = new XxHash64()
    fc.assert(
      fc.property(fc.string(), (hashKey) => {
        hash.hash(hashKey)
        const place = Number(((BigInt(hash.high) << 32n) | BigInt(hash.low)) % BigInt(size))
        expect(balancer.pick({ hashKey })?.id).toBe(table[place])
      }),
      { seed: 20_240_607, numRuns: 500 },
    )
  })

  it('computes nothing anew for a list that is the same but for its order and the objects in it', () => {
    const balancer = filled(weighted({ a: 1, b: 2 }))
    const hash = vi.spyOn(XxHash64.prototype, 'hash')
    const moved = weighted({ b: 4, a: 2 }).map((member) => instance(member.id, { ...member, port: 81 }))
    balancer.update(moved)
    expect(hash).not.toHaveBeenCalled()
    expect(balancer.pick({ hashKey: 'k' })?.port).toBe(81)
    balancer.update(weighted({ a: 2, b: 2 }))
    expect(hash).toHaveBeenCalled()
  })

  it('lays out its table in a time that does not grow with the spread of the weights', () => {
    const list = instances(2_000).map((member, index) => instance(member.id, { weight: index === 0 ? 1e6 : 1 }))
    const counts = countsOf(tableOf(list, 65_537))
    // Everybody has a turn in the first round; the light ones never have another.
    expect(counts.i0).toBe(65_537 - 1_999)
    expect(Object.keys(counts).length).toBe(2_000)
  })

  it('works with more instances than places', () => {
    const balancer = filled(instances(50), { tableSize: 7 })
    for (let key = 0; key < 50; key++) expect(balancer.pick({ hashKey: `${key}` })).toBeDefined()
    const avoid = new Set(tableOf(instances(50), 7) as string[])
    expect(avoid.has(balancer.pick({ hashKey: 'k', avoid })?.id ?? '')).toBe(false)
  })

  it('gives members only, none of weight 0 among positive ones, and none to be avoided, through any changes', () => {
    fc.assert(
      fc.property(churn, fc.integer(), (steps, seed) => {
        const balancer = new MaglevBalancer({ random: seededRandom(seed), tableSize: 251 })
        let list: ServiceInstance[] = []
        for (const [index, step] of steps.entries()) {
          list = changed(list, step)
          balancer.update(list)
          const avoid = new Set(step.type === 'avoid' ? step.ids : [])
          const allowed = positive(list).filter(({ id }) => !avoid.has(id))
          for (const picked of [balancer.pick({ avoid }), balancer.pick({ avoid, hashKey: `${index}` })]) {
            if (list.length === 0) expect(picked).toBeUndefined()
            else expect(allowed.length > 0 ? allowed : list).toContain(picked)
          }
        }
      }),
      { seed: 20_250_101, numRuns: 500 },
    )
  })

  it.each([
    [{ size: 3 }, 'MaglevBalancer.size is not a known option'],
    [
      { tableSize: 65_536 },
      'MaglevBalancer.tableSize must be a prime number, got 65536 (number). The next one is 65537',
    ],
    [{ tableSize: 9 }, 'MaglevBalancer.tableSize must be a prime number, got 9 (number). The next one is 11'],
    [{ tableSize: 2 }, 'MaglevBalancer.tableSize must be an integer in [3, 5000011], got 2 (number)'],
    [{ tableSize: 5_000_012 }, 'MaglevBalancer.tableSize must be an integer in [3, 5000011], got 5000012 (number)'],
    [{ random: 0.5 }, 'MaglevBalancer.random must be a function, got 0.5 (number)'],
    [null, 'MaglevBalancer must be an object, got null (object)'],
  ])('rejects the options %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(MaglevBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })

  it.each([3, 5, 65_537, 5_000_011])('accepts the prime %i', (tableSize) => {
    expect(() => new MaglevBalancer({ tableSize })).not.toThrow()
  })
})
