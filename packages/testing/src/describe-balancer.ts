import type { Balancer, Outcome, ServiceInstance } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { type CreateBalancer, filled, idsOf, success, take } from './balancer-picks.ts'
import { describeHashing } from './describe-balancer-hashing.ts'
import { describeLoad } from './describe-balancer-load.ts'
import {
  describeApproximateWeights,
  describeDrained,
  describeExactWeights,
  describeSequence,
  describeStatisticalWeights,
} from './describe-balancer-weights.ts'
import { instance, instances, weighted } from './instances.ts'
import { seededRandom } from './seeded-random.ts'

/** What a balancer can do. The suite tests the declared capabilities. */
export interface BalancerCapabilities {
  /**
   * The effect of weights. `exact`: in as many picks as the sum of the weights, each instance is picked exactly as
   * often as its weight. `statistical`: this holds on average. `approximate`: on average, each instance is picked at
   * least half and at most twice as often. `ignored`: weights have no effect.
   * @default 'ignored'
   */
  readonly weights?: 'exact' | 'statistical' | 'approximate' | 'ignored'
  /**
   * Whether instances of equal weight are picked in turn, in list order, and the sequence continues when an instance is
   * added or removed.
   * @default false
   */
  readonly sequential?: boolean
  /**
   * Whether requests with the same `hashKey` go to the same instance, in every process and for any order of the list,
   * and mostly stay there when an instance is added or removed.
   * @default false
   */
  readonly hashes?: boolean
  /** Whether requests in flight, reported by `started` and `finished`, divert further requests. @default false */
  readonly looksAtLoad?: boolean
}

const failure: Outcome = Object.freeze({ ok: false, latencyMs: 5, error: new Error('reset') })

/**
 * The contract of a `Balancer` (see its doc comment) as a vitest suite:
 *
 *     describeBalancer('SmoothWeightedRoundRobinBalancer', (options) => new SmoothWeightedRoundRobinBalancer(options),
 * {
 *       weights: 'exact',
 *       sequential: true,
 *     })
 *
 * All randomness must come from the `random` that is passed: equal seeds must give equal sequences. Unless the
 * capability `looksAtLoad` is declared, the requests of the suite start and finish before the next pick, so that load
 * has no effect.
 */
export function describeBalancer(
  name: string,
  create: (options: { random: () => number }) => Balancer,
  capabilities: BalancerCapabilities = {},
): void {
  const { weights = 'ignored', sequential = false, hashes = false, looksAtLoad = false } = capabilities
  describe(`${name} as a Balancer`, () => {
    describeCandidates(create)
    describeUpdates(create)
    describeTwins(create)
    describeAvoid(create)
    describeChance(create)
    describeMeetings(create)
    if (weights !== 'ignored') describeDrained(create)
    if (weights === 'exact') describeExactWeights(create)
    if (weights === 'statistical') describeStatisticalWeights(create)
    if (weights === 'approximate') describeApproximateWeights(create)
    if (sequential) describeSequence(create)
    if (hashes) describeHashing(create)
    if (looksAtLoad) describeLoad(create)
  })
}

function describeCandidates(create: CreateBalancer): void {
  it('gives nothing when there is no candidate', () => {
    const balancer = create({ random: seededRandom(1) })
    for (const request of [undefined, { hashKey: 'k' }, { avoid: new Set(['a']) }]) {
      expect(balancer.pick(request)).toBeUndefined()
    }
    balancer.update([])
    expect(balancer.pick()).toBeUndefined()
  })

  it('gives an object of the latest list, each one at times', () => {
    const list = instances(5)
    const balancer = filled(create, 2, list)
    expect(new Set(take(balancer, 1_000))).toEqual(new Set(list))
    const moved = list.map(({ id }) => instance(id, { port: 81 }))
    balancer.update(moved)
    for (const picked of take(balancer, 100)) expect(picked.port).toBe(81)
    for (let key = 0; key < 100; key++) expect(moved).toContain(balancer.pick({ hashKey: `user-${key}` }))
  })

  it('always gives the only instance', () => {
    for (const weight of [1, 0, 0.5, Number.MAX_VALUE]) {
      const only = instance('a', { weight })
      const balancer = filled(create, 3, [only])
      for (const picked of take(balancer, 5)) expect(picked).toBe(only)
      for (const picked of take(balancer, 5, { avoid: new Set(['a']), hashKey: 'k' })) expect(picked).toBe(only)
    }
  })

  it('gives an instance when every weight is 0', () => {
    const list = weighted({ a: 0, b: 0, c: 0 })
    expect(new Set(take(filled(create, 4, list), 1_000))).toEqual(new Set(list))
  })
}

function describeUpdates(create: CreateBalancer): void {
  it('gives nothing after it was emptied, and members after it was filled again', () => {
    const balancer = filled(create, 5, instances(3))
    take(balancer, 4)
    balancer.update([])
    expect(balancer.pick()).toBeUndefined()
    expect(balancer.pick({ avoid: new Set(['i0']) })).toBeUndefined()
    const list = weighted({ x: 1, y: 1 })
    balancer.update(list)
    expect(new Set(take(balancer, 1_000))).toEqual(new Set(list))
  })

  it('gives survivors and newcomers after an update, and never one that was removed', () => {
    const [a, b, c, d] = four()
    const balancer = filled(create, 6, [a, b, c])
    take(balancer, 4)
    balancer.update([d, c, a])
    expect(new Set(take(balancer, 1_000))).toEqual(new Set([a, c, d]))
  })

  it('gives a member on every pick, whatever was added, removed, reweighted and reordered before', () => {
    const random = seededRandom(7)
    const balancer = create({ random: seededRandom(8) })
    for (let round = 0; round < 500; round++) {
      const ids = Array.from({ length: 8 }, (_, index) => ({ id: `i${index}`, rank: random() }))
      const present = ids.sort((left, right) => left.rank - right.rank).slice(0, Math.floor(random() * 9))
      const list = present.map(({ id }) => instance(id, { weight: Math.floor(random() * 6) }))
      balancer.update(list)
      const avoid = new Set(['i0', `i${round % 8}`])
      for (const request of [undefined, { avoid }, { hashKey: `${round}` }, undefined]) {
        const picked = balancer.pick(request)
        if (list.length === 0) expect(picked).toBeUndefined()
        else expect(list).toContain(picked)
      }
    }
  })

  it('takes starts and ends of requests on any instance, also a removed one', () => {
    const [a, b, c, d] = four()
    const balancer = filled(create, 9, [a, b, c])
    for (const known of [a, b, c, d]) balancer.started?.(known)
    balancer.update([b, c])
    balancer.started?.(a)
    for (const known of [a, a, b, c, d]) balancer.finished?.(known, known === b ? failure : success)
    balancer.update([a, b, c])
    for (const picked of take(balancer, 50)) expect([a, b, c]).toContain(picked)
  })
}

// Two balancers with the same seed: one is the yardstick for what must make no difference to the other.
function describeTwins(create: CreateBalancer): void {
  const list = weighted({ a: 5, b: 1, c: 1, d: 3 })

  it('is not moved by an identical list', () => {
    const balancer = filled(create, 10, list)
    const expected = idsOf(take(filled(create, 10, list), 60))
    const picked: string[] = []
    for (let pick = 0; pick < 60; pick++) {
      balancer.update(list.map((member) => instance(member.id, member)))
      picked.push(...idsOf(take(balancer, 1)))
    }
    expect(picked).toEqual(expected)
  })

  it('counts an id that occurs twice once, as it is the first time', () => {
    const [a, b, c, d] = list as ReturnType<typeof four>
    const repeated = [a, b, instance('a', { weight: 9, port: 81 }), c, b, d, instance('d', { weight: 7, port: 81 })]
    const balancer = filled(create, 11, repeated)
    const twin = filled(create, 11, list)
    expect(take(balancer, 60)).toEqual(take(twin, 60))
    balancer.update(repeated)
    expect(take(balancer, 60)).toEqual(take(twin, 60))
  })

  it('neither keeps nor changes the array it is given', () => {
    const own = [...list]
    const balancer = create({ random: seededRandom(12) })
    balancer.update(Object.freeze([...list]))
    balancer.update(own)
    expect(own).toEqual(list)
    own.reverse()
    own.splice(0, 3, instance('intruder'))
    expect(take(balancer, 60)).toEqual(take(filled(create, 12, list), 60))
  })
}

function describeAvoid(create: CreateBalancer): void {
  const list = weighted({ a: 4, b: 1, c: 2, d: 1 })

  it('avoids any set of instances that leaves one over', () => {
    const balancer = filled(create, 13, list)
    for (let subset = 1; subset < 2 ** list.length - 1; subset++) {
      const avoid = new Set(idsOf(list.filter((_, index) => (subset & (1 << index)) !== 0)))
      const before = [...avoid]
      for (const { id } of take(balancer, 20, { avoid })) expect(before).not.toContain(id)
      for (let key = 0; key < 20; key++) expect(before).not.toContain(balancer.pick({ avoid, hashKey: `${key}` })?.id)
      expect([...avoid]).toEqual(before)
      take(balancer, 3)
    }
  })

  it('gives a member when all are to be avoided', () => {
    const balancer = filled(create, 14, list)
    const avoid = new Set([...idsOf(list), 'stranger'])
    for (const picked of take(balancer, 50, { avoid })) expect(list).toContain(picked)
    for (let key = 0; key < 50; key++) expect(list).toContain(balancer.pick({ avoid, hashKey: `${key}` }))
  })

  it('gives members when only strangers are to be avoided', () => {
    const balancer = filled(create, 15, list)
    for (const avoid of [new Set<string>(), new Set(['stranger'])]) {
      for (const picked of take(balancer, 50, { avoid })) expect(list).toContain(picked)
    }
  })
}

function describeChance(create: CreateBalancer): void {
  it.each([2, 3, 4])('starts at any of %i equal instances, so that processes do not march in step', (count) => {
    // One of 4 is missed by 256 fair starts with probability 4 × (3/4)^256 < 10⁻³¹.
    const firsts = Array.from({ length: 256 }, (_, seed) => take(filled(create, seed, instances(count)), 1)).flat()
    expect(new Set(idsOf(firsts))).toEqual(new Set(idsOf(instances(count))))
  })

  it.each([2, 3, 4])('goes on at any of %i instances when they replace all others', (count) => {
    const nexts = Array.from({ length: 256 }, (_, seed) => {
      const balancer = filled(create, seed, weighted({ x: 1, y: 1, z: 1 }))
      take(balancer, 1)
      balancer.update(instances(count))
      return take(balancer, 1)
    })
    expect(new Set(idsOf(nexts.flat()))).toEqual(new Set(idsOf(instances(count))))
  })

  it('passes to any of the others at first when one is to be avoided, so that retries do not all meet at one', () => {
    const avoid = new Set(['i1'])
    const firsts = Array.from({ length: 256 }, (_, seed) => take(filled(create, seed, instances(4)), 1, { avoid }))
    expect(new Set(idsOf(firsts.flat()))).toEqual(new Set(['i0', 'i2', 'i3']))
  })
}

function describeMeetings(create: CreateBalancer): void {
  it('does not meet with the others where a batch of instances was replaced', () => {
    const list = instances(20)
    const nexts = Array.from({ length: 400 }, (_, seed) => {
      const balancer = filled(create, seed, list)
      for (let batch = 1; batch < 5; batch++) {
        take(balancer, 1)
        const joined = Array.from({ length: 4 * batch }, (__, index) => instance(`new${index}`))
        balancer.update([...list.slice(4 * batch), ...joined])
      }
      // The turn that was due when the last batch joined is not the joiners'.
      take(balancer, 10)
      return take(balancer, 1)
    })
    const counts = new Map<string, number>()
    for (const id of idsOf(nexts.flat())) counts.set(id, (counts.get(id) ?? 0) + 1)
    // 400 fair draws of one in 20: 20 each, with deviation √(400 × 0.05 × 0.95) = 4.4; five of them are 22.
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(42)
  })

  it('does not meet with the others at the first instance that a batch left over', () => {
    const nexts = Array.from({ length: 400 }, (_, seed) => {
      const balancer = filled(create, seed, instances(20))
      balancer.update(instances(20).slice(10))
      return take(balancer, 1)
    })
    const counts = new Map<string, number>()
    for (const id of idsOf(nexts.flat())) counts.set(id, (counts.get(id) ?? 0) + 1)
    // 400 fair draws of one in 10: 40 each, with deviation √(400 × 0.1 × 0.9) = 6; five of them are 30.
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(70)
  })
}

function four(): [ServiceInstance, ServiceInstance, ServiceInstance, ServiceInstance] {
  return [instance('a'), instance('b'), instance('c'), instance('d')]
}
