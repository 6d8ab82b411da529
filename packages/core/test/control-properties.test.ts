import { seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Balancer,
  type BalancerName,
  GroupedBalancer,
  type LoadBalancerOptions,
  type PickResult,
  type ServiceInstance,
  type ServiceInstanceInit,
} from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

const ids = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const id = fc.constantFrom(...ids)

const member: fc.Arbitrary<ServiceInstanceInit> = fc.record({
  id,
  host: fc.constantFrom('h', 'i'),
  port: fc.constantFrom(80, 81),
  weight: fc.constantFrom(0, 1, 1, 1, 2, 5),
  priority: fc.constantFrom(0, 0, 0, 1),
  zone: fc.constantFrom('x', 'y'),
  healthy: fc.constantFrom(undefined, undefined, true, false),
})

const list = fc.record({
  type: fc.constant('list' as const),
  members: fc.uniqueArray(member, { selector: (each) => (typeof each === 'string' ? each : each.id), maxLength: 6 }),
})

const override = fc.oneof(
  fc.record({ type: fc.constant('drain' as const), id }),
  fc.record({ type: fc.constant('restore' as const), id }),
  fc.record({ type: fc.constant('weight' as const), id, weight: fc.constantFrom(0, 1, 2, 7, 0.5) }),
)

const traffic = fc.oneof(
  fc.record({ type: fc.constant('start' as const), times: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ type: fc.constant('end' as const), times: fc.integer({ min: 1, max: 12 }), ok: fc.boolean() }),
  fc.record({ type: fc.constant('endEjection' as const), id }),
  fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(600, 5_000, 40_000) }),
)

type Step =
  | (typeof list extends fc.Arbitrary<infer T> ? T : never)
  | (typeof override extends fc.Arbitrary<infer T> ? T : never)
  | (typeof traffic extends fc.Arbitrary<infer T> ? T : never)

const all: ServiceInstanceInit[] = ids.map((each) => ({ id: each, host: 'h', port: 80 }))

function grouped(): Balancer {
  const groupOf = ({ zone }: ServiceInstance): string | undefined => zone
  return new GroupedBalancer({ groupOf, random: () => 0 })
}

const positional: readonly LoadBalancerOptions['balancer'][] = [
  undefined,
  'smooth-weighted-round-robin',
  'grouped',
  grouped,
]
const everyBalancer: readonly LoadBalancerOptions['balancer'][] = [
  ...positional,
  ...(['random', 'least-request', 'peak-ewma', 'ring-hash', 'maglev'] satisfies BalancerName[]),
]

const options: fc.Arbitrary<Partial<LoadBalancerOptions>> = fc.record({
  balancer: fc.constantFrom(...everyBalancer),
  emptyGraceMs: fc.constant(0),
  slowStart: fc.constantFrom(false as const, { windowMs: 10_000 }),
  zone: fc.constantFrom(false as const, { local: 'x', minInstances: 2 }),
  panic: fc.constantFrom(false as const, {}, { mode: 'fail' as const }),
  subset: fc.constantFrom(false as const, { size: 4, clientId: 'one' }),
  loadReports: fc.constantFrom(false as const, { blackoutMs: 0 }),
  maxInFlightPerInstance: fc.constantFrom(Number.POSITIVE_INFINITY, 3),
  queue: fc.constant(false as const),
})

/** A load balancer, and what its overrides are to be. */
class Model {
  readonly observed: ObservedLoadBalancer
  readonly drained = new Set<string>()
  readonly weights = new Map<string, number>()
  #held: PickResult[] = []

  constructor(chosen: Partial<LoadBalancerOptions>, random: () => number) {
    this.observed = new ObservedLoadBalancer(all, { ...chosen, random })
  }

  async run(step: Step): Promise<void> {
    const { lb, clock, discovery } = this.observed
    switch (step.type) {
      case 'list':
        discovery.set('users', step.members)
        break
      case 'start':
        for (let each = 0; each < step.times; each++) {
          const picked = await lb.acquire('users').catch(() => undefined)
          if (picked !== undefined) this.#start(picked)
        }
        break
      case 'end':
        for (const { done } of this.#held.splice(0, step.times)) {
          const loadReport = { cpuUtilization: 0.5, rpsFractional: 10 * this.#held.length + 1 }
          if (step.ok) done({ ok: true, latencyMs: 5, loadReport })
          else done({ ok: false, latencyMs: 5, error: refused })
        }
        break
      case 'wait':
        await clock.advance(step.ms)
        break
      default:
        this.#control(step)
    }
  }

  check(): void {
    const snapshot = this.observed.lb.inspect('users')
    expect(snapshot.inFlight).toBe(this.#held.length)
    const shown = snapshot.overrides.map(({ kind, instanceId, weight }) => `${kind} ${instanceId} ${weight}`)
    const wanted = [
      ...Array.from(this.drained, (each) => `drained ${each} undefined`),
      ...Array.from(this.weights, ([each, weight]) => `weight ${each} ${weight}`),
    ]
    expect(shown.toSorted()).toEqual(wanted.toSorted())
    expect(JSON.parse(JSON.stringify(snapshot.overrides))).toEqual(snapshot.overrides)
    for (const { instance, state, candidate, effectiveWeight } of snapshot.instances) {
      if (!this.#isOut(instance.id) || state === 'draining') continue
      expect({ state, candidate, effectiveWeight }).toEqual({ state: 'drained', candidate: false, effectiveWeight: 0 })
    }
    for (let pick = 0; pick < 3; pick++) {
      try {
        expect(this.#isOut(this.observed.lb.pick('users').id)).toBe(false)
      } catch (error) {
        expect(error).toMatchObject({ code: 'LB_NO_AVAILABLE_INSTANCE' })
      }
    }
  }

  #start(picked: PickResult): void {
    expect(this.#isOut(picked.instance.id)).toBe(false)
    this.#held.push(picked)
  }

  #isOut(each: string): boolean {
    return this.drained.has(each) || this.weights.get(each) === 0
  }

  #control(step: Extract<Step, { id: string }>): void {
    const control = this.observed.lb.control('users')
    if (step.type === 'endEjection') control.endEjection(step.id)
    else if (step.type === 'drain') {
      control.drain(step.id)
      this.drained.add(step.id)
    } else if (step.type === 'weight') {
      control.setWeight(step.id, step.weight)
      this.weights.set(step.id, step.weight)
    } else {
      control.restore(step.id)
      this.drained.delete(step.id)
      this.weights.delete(step.id)
    }
  }
}

describe('overrides', () => {
  it('survive lists, ejections and health, end no request, and let no pick through', async () => {
    const steps = fc.array(fc.oneof(list, override, traffic), { minLength: 5, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(options, fc.integer(), steps, async (chosen, seed, run) => {
        const model = new Model(chosen, seededRandom(seed))
        await model.observed.lb.ready('users')
        for (const step of run) {
          await model.run(step)
          model.check()
        }
      }),
      { seed: 20_240_607, numRuns: 150 },
    )
  })
})

function sequence({ lb }: ObservedLoadBalancer, length: number): (string | undefined)[] {
  return Array.from({ length }, () => {
    try {
      return lb.pick('users').id
    } catch {
      return undefined
    }
  })
}

describe('restore', () => {
  it('lets every sequence continue where it stood, whatever lists came and whatever was picked meanwhile', async () => {
    const before = fc.array(list, { maxLength: 3 })
    const meanwhile = fc.array(fc.oneof(list, override, override), { minLength: 1, maxLength: 12 })
    const settings = fc.record({
      balancer: fc.constantFrom(...positional),
      zone: fc.constantFrom(false as const, { local: 'x', minInstances: 2 }),
      emptyGraceMs: fc.constant(0),
    })
    await fc.assert(
      fc.asyncProperty(settings, before, meanwhile, fc.nat(20), async (chosen, lists, run, count) => {
        const steered = new Model(chosen, () => 0)
        const plain = new Model(chosen, () => 0)
        for (const { observed } of [steered, plain]) await observed.lb.ready('users')
        for (const each of lists) {
          await steered.run(each)
          await plain.run(each)
          expect(sequence(steered.observed, count)).toEqual(sequence(plain.observed, count))
        }
        for (const step of run) {
          await steered.run(step)
          if (step.type === 'list') await plain.run(step)
          // Without an override in force, its own sequence goes on.
          const { instances } = steered.observed.lb.inspect('users')
          if (instances.some(({ instance, effectiveWeight }) => instance.weight !== effectiveWeight))
            sequence(steered.observed, count)
        }
        for (const each of ids) await steered.run({ type: 'restore', id: each })
        expect(sequence(steered.observed, 60)).toEqual(sequence(plain.observed, 60))
      }),
      { seed: 20_240_607, numRuns: 150 },
    )
  })

  it.each(['random', 'least-request', 'peak-ewma', 'ring-hash'] satisfies BalancerName[])(
    'leaves %s with all that it learnt',
    async (balancer) => {
      const steps = fc.array(traffic, { minLength: 3, maxLength: 12 })
      await fc.assert(
        fc.asyncProperty(fc.integer(), steps, fc.subarray([...ids]), async (seed, run, drained) => {
          const settings = { balancer, outlierDetection: false as const }
          const steered = new Model(settings, seededRandom(seed))
          const plain = new Model(settings, seededRandom(seed))
          for (const { observed } of [steered, plain]) await observed.lb.ready('users')
          for (const step of run) {
            await steered.run(step)
            await plain.run(step)
          }
          for (const each of drained) await steered.run({ type: 'drain', id: each })
          await steered.run({ type: 'weight', id: 'a', weight: 7 })
          expect(steered.observed.inFlight).toBe(plain.observed.inFlight)
          for (const each of ids) await steered.run({ type: 'restore', id: each })
          // With the same chance, every comparison of loads and latencies gives the same.
          expect(sequence(steered.observed, 40)).toEqual(sequence(plain.observed, 40))
        }),
        { seed: 20_240_607, numRuns: 15 },
      )
    },
  )
})

describe('shares', () => {
  it('are exact in every cycle from the first pick, spread evenly, while members of the groups change', async () => {
    const share = fc.constantFrom(0, 1, 5, 20, 50, 95)
    const shares = fc.record({ x: share, y: share }).filter(({ x, y }) => x + y > 0)
    const sizes = fc.record({ x: fc.integer({ min: 1, max: 4 }), y: fc.integer({ min: 1, max: 4 }) })
    const steps = fc.array(fc.record({ shares, sizes, count: fc.nat(150) }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.integer(), steps, async (seed, run) => {
        const observed = new ObservedLoadBalancer(zoned(2, 2), { balancer: grouped, random: seededRandom(seed) })
        await observed.lb.ready('users')
        const control = observed.lb.control('users')
        for (const each of run) {
          control.setShares(each.shares)
          const cycle = cycleOf(each.shares)
          expectExact(picksOfX(observed, cycle), each.shares)
          observed.discovery.set('users', zoned(each.sizes.x, each.sizes.y))
          picksOfX(observed, each.count)
          const picks = picksOfX(observed, 3 * cycle)
          for (let start = 0; start < picks.length; start += cycle) {
            expectExact(picks.slice(start, start + cycle), each.shares)
          }
        }
      }),
      { seed: 20_240_607, numRuns: 100 },
    )
  })
})

function zoned(x: number, y: number): ServiceInstanceInit[] {
  const zones = [...Array.from({ length: x }, () => 'x'), ...Array.from({ length: y }, () => 'y')]
  return zones.map((zone, index) => ({ id: `${zone}${index}`, host: zone, port: 80 + index, zone }))
}

interface Shares {
  readonly x: number
  readonly y: number
}

function cycleOf({ x, y }: Shares): number {
  let [left, right] = [x, y]
  while (right !== 0) [left, right] = [right, left % right]
  return (x + y) / left
}

/** Whether each pick was of a member of the group `x`. */
function picksOfX({ lb }: ObservedLoadBalancer, count: number): boolean[] {
  return Array.from({ length: count }, () => lb.pick('users').zone === 'x')
}

/** Exact over the cycle, and within one turn at every moment of it. */
function expectExact(picks: readonly boolean[], { x, y }: Shares): void {
  let ofX = 0
  for (const [index, isX] of picks.entries()) {
    if (isX) ofX++
    expect(Math.abs(ofX - ((index + 1) * x) / (x + y))).toBeLessThan(1.0001)
  }
  expect(ofX).toBe((picks.length * x) / (x + y))
}
