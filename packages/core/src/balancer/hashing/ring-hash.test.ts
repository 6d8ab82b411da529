import { instance, instances, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { changed, churn, positive } from '../../../test/churn.ts'
import { InvalidOptionError } from '../../base/errors.ts'
import { XxHash64 } from '../../base/xxhash64.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { RingHashBalancer, type RingHashOptions } from './ring-hash.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describeBalancer(
  'RingHashBalancer with a load factor',
  (options) => new RingHashBalancer({ ...options, loadFactor: 1.25 }),
  {
    weights: 'approximate',
    hashes: true,
  },
)

function filled(list: readonly ServiceInstance[], options: RingHashOptions = {}): RingHashBalancer {
  const balancer = new RingHashBalancer({ random: seededRandom(1), ...options })
  balancer.update(list)
  return balancer
}

/** How many points each id has on the ring: one hash is computed for each. */
function pointsOf(list: readonly ServiceInstance[], options: RingHashOptions = {}): Record<string, number> {
  const hash = vi.spyOn(XxHash64.prototype, 'hash')
  filled(list, options)
  const points: Record<string, number> = {}
  for (const [text] of hash.mock.calls) {
    const id = text.slice(0, text.lastIndexOf('_'))
    expect(text).toBe(`${id}_${points[id] ?? 0}`)
    points[id] = (points[id] ?? 0) + 1
  }
  hash.mockRestore()
  return points
}

const manyKeys: readonly string[] = Array.from({ length: 5_000 }, (_, index) => `key-${index}`)

function hashOf(text: string): bigint {
  const hash = new XxHash64()
  hash.hash(text)
  return (BigInt(hash.high) << 32n) | BigInt(hash.low)
}

/** The first point at or after the hash of the key, the slow way. */
function ownerOf(key: string, points: Readonly<Record<string, number>>): string {
  const ring = Object.entries(points).flatMap(([id, count]) =>
    Array.from({ length: count }, (_, number) => ({ id, at: hashOf(`${id}_${number}`) })),
  )
  ring.sort((left, right) => (left.at < right.at ? -1 : 1))
  return (ring.find(({ at }) => at >= hashOf(key)) ?? ring[0])?.id ?? ''
}

describe('RingHashBalancer', () => {
  it.each([
    [{ a: 1, b: 1 }, {}, { a: 512, b: 512 }],
    [{ a: 1, b: 2 }, {}, { a: 342, b: 684 }],
    [{ a: 1, b: 1, c: 1 }, { minRingSize: 10 }, { a: 4, b: 4, c: 4 }],
    [{ a: 7, b: 15 }, {}, { a: 326, b: 699 }],
    [{ a: 5, b: 1, c: 1 }, {}, { a: 735, b: 147, c: 147 }],
    [{ a: 0.5, b: 1.5 }, { minRingSize: 4 }, { a: 1, b: 3 }],
    [
      { a: 1, b: 1, c: 1 },
      { minRingSize: 3, maxRingSize: 3 },
      { a: 1, b: 1, c: 1 },
    ],
    [
      { a: 1, b: 99 },
      { minRingSize: 50, maxRingSize: 50 },
      { a: 1, b: 49 },
    ],
    [{ a: 1, b: 1, c: 1, d: 1 }, { maxRingSize: 2 }, { a: 1, b: 1, c: 1, d: 1 }],
    [{ a: 0, b: 1 }, { minRingSize: 8 }, { b: 8 }],
    [{ a: 0, b: 0 }, { minRingSize: 8 }, { a: 4, b: 4 }],
    [{ a: 1e300, b: 1e300 }, { minRingSize: 8 }, { a: 4, b: 4 }],
  ])(
    'gives the lightest a whole number of points, and the others their proportion: %o %o',
    (weights, options, points) => {
      expect(pointsOf(weighted(weights), options)).toEqual(points)
    },
  )

  it('gives 5 000 instances a point each, though the ring should be smaller', () => {
    const points = Object.values(pointsOf(instances(5_000)))
    expect(points.length).toBe(5_000)
    expect(new Set(points)).toEqual(new Set([1]))
  })

  it('takes host and port for the key of an instance that has no id of its own', () => {
    const list = [instance('10.0.0.1:80', { host: '10.0.0.1' }), instance('10.0.0.2:80', { host: '10.0.0.2' })]
    expect(Object.keys(pointsOf(list))).toEqual(['10.0.0.1:80', '10.0.0.2:80'])
  })

  it('gives the instance of the first point from the hash of the key on, for any key', () => {
    const list = weighted({ a: 1, b: 2, c: 1 })
    const options = { minRingSize: 16 }
    const points = pointsOf(list, options)
    const balancer = filled(list, options)
    fc.assert(
      fc.property(fc.string(), (hashKey) => {
        expect(balancer.pick({ hashKey })?.id).toBe(ownerOf(hashKey, points))
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })

  it('gives the instance of a point for a key that hashes exactly there', () => {
    const points = pointsOf(instances(5), { minRingSize: 20 })
    const balancer = filled(instances(5), { minRingSize: 20 })
    for (const [id, count] of Object.entries(points)) {
      for (let number = 0; number < count; number++) expect(balancer.pick({ hashKey: `${id}_${number}` })?.id).toBe(id)
    }
  })

  it('moves no key but those of the instance that goes', () => {
    const list = instances(20)
    const balancer = filled(list, { minRingSize: 1_000, maxRingSize: 1_000 })
    const keys = Array.from({ length: 5_000 }, (_, index) => `key-${index}`)
    const before = keys.map((hashKey) => balancer.pick({ hashKey })?.id)
    // As many points to each as before.
    const fewer = new RingHashBalancer({ minRingSize: 950, maxRingSize: 950 })
    fewer.update(list.filter(({ id }) => id !== 'i7'))
    for (const [index, hashKey] of keys.entries()) {
      if (before[index] !== 'i7') expect(fewer.pick({ hashKey })?.id).toBe(before[index])
    }
  })

  it('moves no key of an instance that stays while each keeps the number of its points', () => {
    const sizes = fc.record({ count: fc.integer({ min: 2, max: 60 }), size: fc.integer({ min: 60, max: 400 }) })
    fc.assert(
      fc.property(sizes, fc.nat(), ({ count, size }, choice) => {
        fc.pre(Math.ceil(size / (count - 1)) === Math.ceil(size / count))
        const list = instances(count)
        const gone = list[choice % count]
        const [before, after] = [list, list.filter((each) => each !== gone)].map((each) =>
          filled(each, { minRingSize: size, maxRingSize: 2 * size }),
        )
        for (const hashKey of manyKeys.slice(0, 200)) {
          const owner = before?.pick({ hashKey })
          if (owner !== gone) expect(after?.pick({ hashKey })).toBe(owner)
        }
      }),
      { seed: 20_261_201, numRuns: 100 },
    )
  })

  it.each([5, 8, 10, 15, 20])('moves at most twice the keys that it must when one of %i instances leaves', (count) => {
    const list = instances(count)
    const before = filled(list)
    const owners = manyKeys.map((hashKey) => before.pick({ hashKey })?.id)
    let moved = 0
    for (const gone of list) {
      const after = filled(list.filter((each) => each !== gone))
      moved += manyKeys.filter((hashKey, index) => after.pick({ hashKey })?.id !== owners[index]).length
    }
    // Each key must move once: when its instance leaves.
    expect(moved / manyKeys.length).toBeGreaterThanOrEqual(1)
    expect(moved / manyKeys.length).toBeLessThan(2)
  })

  it('goes to the next instance on the ring when one is to be avoided', () => {
    const options = { minRingSize: 16 }
    const list = weighted({ a: 1, b: 1, c: 1, d: 1 })
    const balancer = filled(list, options)
    const { a, b, c, d } = pointsOf(list, options) as Record<'a' | 'b' | 'c' | 'd', number>
    for (let key = 0; key < 300; key++) {
      const hashKey = `key-${key}`
      expect(balancer.pick({ hashKey, avoid: new Set(['a']) })?.id).toBe(ownerOf(hashKey, { b, c, d }))
      expect(balancer.pick({ hashKey, avoid: new Set(['b', 'd']) })?.id).toBe(ownerOf(hashKey, { a, c }))
    }
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

  it('gives members only, none of weight 0 among positive ones, and none to be avoided, through any changes', () => {
    fc.assert(
      fc.property(churn, fc.integer(), (steps, seed) => {
        const balancer = new RingHashBalancer({ random: seededRandom(seed), minRingSize: 16, maxRingSize: 64 })
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
    [{ minRingsize: 3 }, 'RingHashBalancer.minRingsize is not a known option. Did you mean minRingSize?'],
    [{ minRingSize: 0 }, 'RingHashBalancer.minRingSize must be an integer in [1, 8388608], got 0 (number)'],
    [{ maxRingSize: 8_388_609 }, 'RingHashBalancer.maxRingSize must be an integer in [1, 8388608], got 8388609'],
    [
      { minRingSize: 9, maxRingSize: 8 },
      'RingHashBalancer.minRingSize must be at most maxRingSize (8), got 9 (number)',
    ],
    [{ random: 0.5 }, 'RingHashBalancer.random must be a function, got 0.5 (number)'],
    [null, 'RingHashBalancer must be an object, got null (object)'],
  ])('rejects the options %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(RingHashBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })

  it.each([{ minRingSize: 8_000 }, { maxRingSize: 100 }])('accepts the size %o alone', (options) => {
    expect(() => new RingHashBalancer(options)).not.toThrow()
  })
})
