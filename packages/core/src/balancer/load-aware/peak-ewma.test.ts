import { FakeClock, instances, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changed, churn, churnRuns, positive } from '../../../test/churn.ts'
import { InvalidOptionError } from '../../base/errors.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { PeakEwmaBalancer, type PeakEwmaOptions } from './peak-ewma.ts'

describeBalancer('PeakEwmaBalancer', (options) => new PeakEwmaBalancer({ ...options, clock: new FakeClock() }), {
  weights: 'statistical',
  looksAtLoad: true,
})

type Pair = [ServiceInstance, ServiceInstance]

function filled(list: readonly ServiceInstance[], options: PeakEwmaOptions = {}): PeakEwmaBalancer {
  const balancer = new PeakEwmaBalancer({ random: seededRandom(1), clock: new FakeClock(), ...options })
  balancer.update(list)
  return balancer
}

function answer(balancer: PeakEwmaBalancer, instance: ServiceInstance, latencyMs: number): void {
  balancer.started(instance)
  balancer.finished(instance, { ok: true, latencyMs })
}

function fail(balancer: PeakEwmaBalancer, instance: ServiceInstance, latencyMs: number, error?: unknown): void {
  balancer.started(instance)
  balancer.finished(instance, { ok: false, latencyMs, error })
}

/** The ids of so many picks, each of which is put in flight and stays there. */
function startMany(balancer: PeakEwmaBalancer, picks: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < picks; pick++) {
    const picked = balancer.pick() as ServiceInstance
    balancer.started(picked)
    counts[picked.id] = (counts[picked.id] ?? 0) + 1
  }
  return counts
}

function picksOf(balancer: PeakEwmaBalancer, instance: ServiceInstance, picks: number): number {
  return Array.from({ length: picks }, () => balancer.pick()).filter((picked) => picked === instance).length
}

describe('PeakEwmaBalancer', () => {
  it('gives the instance with the lower average while nothing is in flight', () => {
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b])
    answer(balancer, a, 20)
    answer(balancer, b, 10)
    expect(picksOf(balancer, b, 50)).toBe(50)
  })

  it('fills instances in inverse proportion to their latency', () => {
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b])
    answer(balancer, a, 30)
    answer(balancer, b, 10)
    const counts = startMany(balancer, 400)
    // 30 × (99 + 1) = 10 × (299 + 1).
    expect(Math.abs((counts.i0 as number) - 100)).toBeLessThanOrEqual(1)
  })

  it('fills instances of the same latency by weight', () => {
    const list = weighted({ a: 3, b: 1 }) as Pair
    const balancer = filled(list)
    for (const member of list) answer(balancer, member, 10)
    const counts = startMany(balancer, 400)
    expect(Math.abs((counts.a as number) - 300)).toBeLessThanOrEqual(2)
  })

  it('takes a peak to heart at once, and forgets it with time', () => {
    const clock = new FakeClock()
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b], { clock })
    answer(balancer, a, 10)
    answer(balancer, b, 15)
    answer(balancer, a, 100)
    expect(picksOf(balancer, a, 20)).toBe(0)
    // 100 × e^(−t/τ) < 15 after τ × ln(100 ÷ 15) = 18 971 ms, when b is still asked.
    clock.advanceSync(18_971)
    answer(balancer, b, 15)
    expect(picksOf(balancer, a, 20)).toBe(0)
    clock.advanceSync(2)
    answer(balancer, b, 15)
    expect(picksOf(balancer, a, 20)).toBe(20)
  })

  it('decays by the decay time it is given', () => {
    const clock = new FakeClock()
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b], { clock, decayMs: 100 })
    answer(balancer, a, 100)
    clock.advanceSync(101)
    answer(balancer, b, 36.79)
    expect(picksOf(balancer, a, 20)).toBe(20)
  })

  it('does not decay while requests are in flight, so that a slow one is tried by one request and no flood', () => {
    const clock = new FakeClock()
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b], { clock })
    answer(balancer, a, 1_000)
    answer(balancer, b, 10)
    clock.advanceSync(60_000)
    answer(balancer, b, 10)
    expect(balancer.pick()).toBe(a)
    balancer.started(a)
    clock.advanceSync(60_000)
    answer(balancer, b, 10)
    // 1000 × (1 + 1) against 10 × (n + 1).
    expect(startMany(balancer, 150)).toEqual({ i1: 150 })
  })

  it.each([2, 4, 10])('tries each of %i new instances first, by one request until that is answered', (count) => {
    const list = instances(count)
    const [seen, ...fresh] = list as [ServiceInstance, ...ServiceInstance[]]
    const balancer = filled(list)
    answer(balancer, seen, 0.001)
    const counts = startMany(balancer, 2_000)
    for (const { id } of fresh) expect(counts[id], id).toBe(1)
    expect(counts.i0).toBe(2_000 - fresh.length)
    for (const member of fresh) balancer.finished(member, { ok: true, latencyMs: 0.001 })
    const more = startMany(balancer, 200)
    for (const { id } of fresh) expect(more[id], id).toBeGreaterThan(1)
  })

  it('takes an unknown instance for a typical one, which counts half after as many picks as there are instances', () => {
    const list = instances(3)
    const [fast, slow, unknown] = list as [...Pair, ServiceInstance]
    const balancer = filled(list)
    answer(balancer, fast, 10)
    answer(balancer, slow, 90)
    // 50 ms × 2^(−picks ÷ 3) falls below 10 ms at the seventh.
    expect(Array.from({ length: 7 }, () => balancer.pick())).toEqual([...Array(6).fill(fast), unknown])
  })

  it('prefers what it knows to be fast to what it does not know, in a fleet that its calls do not reach all of', () => {
    const list = instances(200)
    const balancer = filled(list)
    for (const [index, member] of list.slice(0, 100).entries()) answer(balancer, member, index < 20 ? 500 : 50)
    const counts = { slow: 0, fast: 0, unknown: 0 }
    for (let pick = 0; pick < 60; pick++) {
      const at = list.indexOf(balancer.pick() as ServiceInstance)
      counts[at < 20 ? 'slow' : at < 100 ? 'fast' : 'unknown']++
    }
    expect(counts.slow).toBeLessThan(6)
    expect(counts.fast).toBeGreaterThan(counts.unknown)
  })

  it('spreads requests over instances that are all new', () => {
    expect(startMany(filled(instances(4)), 40)).toEqual({ i0: 10, i1: 10, i2: 10, i3: 10 })
  })

  it.each([2, 10])('gives an instance that fails in 1 ms no traffic, among %i', (count) => {
    const list = instances(count)
    const [broken, ...healthy] = list as [ServiceInstance, ...ServiceInstance[]]
    const balancer = filled(list)
    fail(balancer, broken, 1)
    for (const member of healthy) answer(balancer, member, 50)
    for (let pick = 0; pick < 500; pick++) {
      const picked = balancer.pick() as ServiceInstance
      expect(picked).not.toBe(broken)
      answer(balancer, picked, 50)
    }
  })

  it('does not let an instance with a good past attract traffic by failing fast', () => {
    const [broken, healthy] = instances(2) as Pair
    const balancer = filled([broken, healthy])
    answer(balancer, broken, 5)
    answer(balancer, healthy, 50)
    expect(balancer.pick()).toBe(broken)
    fail(balancer, broken, 1)
    // 1 005 ms against 50 ms × (n + 1).
    const counts = startMany(balancer, 19)
    expect(counts).toEqual({ i1: 19 })
  })

  it('does so the longer the more it fails, up to ten penalties', () => {
    const [broken, healthy] = instances(2) as Pair
    const lastsFor = (failures: number): number => {
      const clock = new FakeClock()
      const balancer = filled([broken, healthy], { clock, failurePenaltyMs: 200 })
      for (let failure = 0; failure < failures; failure++) fail(balancer, broken, 1)
      let seconds = 0
      for (; seconds < 1_000; seconds++) {
        answer(balancer, healthy, 50)
        if (balancer.pick() === broken) break
        clock.advanceSync(1_000)
      }
      return seconds
    }
    // τ × ln(200 n ÷ 50).
    expect(lastsFor(1)).toBe(14)
    expect(lastsFor(5)).toBe(30)
    expect(lastsFor(10)).toBe(37)
    expect(lastsFor(100)).toBe(37)
  })

  it('passes over an instance that refused a connection for a second, and tries it then as if nothing had been', () => {
    const clock = new FakeClock()
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b], { clock })
    answer(balancer, a, 5)
    answer(balancer, b, 50)
    balancer.started(a)
    balancer.finished(a, { ok: false, latencyMs: 1, refused: true })
    expect(picksOf(balancer, b, 20)).toBe(20)
    clock.advanceSync(999)
    expect(picksOf(balancer, b, 20)).toBe(20)
    clock.advanceSync(1)
    expect(picksOf(balancer, a, 20)).toBe(20)
    for (const both of [a, b]) {
      balancer.started(both)
      balancer.finished(both, { ok: false, latencyMs: 1, refused: true })
    }
    expect([a, b]).toContain(balancer.pick())
  })

  it('takes a slow failure for what it lasted', () => {
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b])
    fail(balancer, a, 30_000)
    answer(balancer, b, 20_000)
    expect(picksOf(balancer, b, 20)).toBe(20)
  })

  it.each(['AbortError', 'CanceledError'])(
    'does not blame an instance for a request its caller gave up: %s',
    (name) => {
      const aborted = Object.assign(new Error('aborted'), { name })
      const [a, b] = instances(2) as Pair
      const balancer = filled([a, b])
      answer(balancer, a, 10)
      answer(balancer, b, 11)
      fail(balancer, a, 3, aborted)
      expect(picksOf(balancer, a, 20)).toBe(20)
      fail(balancer, a, 500, aborted)
      expect(picksOf(balancer, a, 20)).toBe(0)
      const fresh = filled([a, b])
      answer(fresh, b, 10)
      fail(fresh, a, 1, aborted)
      // Still unknown, so tried first, by one.
      expect(startMany(fresh, 10)).toEqual({ i0: 1, i1: 9 })
    },
  )

  it('keeps the averages of survivors, and forgets those of others', () => {
    const [a, b, c] = instances(3) as [...Pair, ServiceInstance]
    const balancer = filled([a, b])
    answer(balancer, a, 10)
    answer(balancer, b, 20)
    balancer.update([b, a])
    expect(picksOf(balancer, a, 20)).toBe(20)
    balancer.update([a, c])
    answer(balancer, c, 5)
    balancer.update([a, b, c])
    // Unknown again, so tried soon; at 20 ms it would not be.
    expect(picksOf(balancer, b, 10)).toBeGreaterThan(0)
  })

  it('is not confused by a latency that is none', () => {
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b])
    answer(balancer, a, 10)
    answer(balancer, b, 11)
    for (const latencyMs of [Number.NaN, -5]) answer(balancer, b, latencyMs)
    expect(picksOf(balancer, a, 20)).toBe(20)
    answer(balancer, a, Number.POSITIVE_INFINITY)
    expect(picksOf(balancer, b, 20)).toBe(20)
  })

  it.each([Number.POSITIVE_INFINITY, Number.MAX_VALUE])('forgets a latency of %d ms within minutes', (latencyMs) => {
    const clock = new FakeClock()
    const [a, b] = instances(2) as Pair
    const balancer = filled([a, b], { clock })
    answer(balancer, a, latencyMs)
    // An hour at most: τ × ln(3 600 000 ÷ 10) = 128 s.
    clock.advanceSync(129_000)
    answer(balancer, b, 10)
    expect(balancer.pick()).toBe(a)
  })

  it('gives members only, none of weight 0 among positive ones, and none to be avoided, through any changes', () => {
    fc.assert(
      fc.property(churn, fc.integer(), (steps, seed) => {
        const clock = new FakeClock()
        const random = seededRandom(seed)
        const balancer = new PeakEwmaBalancer({ random, clock })
        let list: ServiceInstance[] = []
        for (const step of steps) {
          list = changed(list, step)
          balancer.update(list)
          const avoid = new Set(step.type === 'avoid' ? step.ids : [])
          const allowed = positive(list).filter(({ id }) => !avoid.has(id))
          const picked = balancer.pick({ avoid })
          if (list.length === 0) expect(picked).toBeUndefined()
          else expect(allowed.length > 0 ? allowed : list).toContain(picked)
          clock.advanceSync(Math.floor(random() * 100))
          if (picked !== undefined) balancer.started(picked)
          if (picked !== undefined && random() < 0.8) {
            balancer.finished(picked, { ok: random() < 0.8, latencyMs: random() * 100 })
          }
        }
      }),
      churnRuns,
    )
  })

  it.each([
    [{ decay: 3 }, 'PeakEwmaBalancer.decay is not a known option. Did you mean decayMs?'],
    [{ decayMs: 0 }, 'PeakEwmaBalancer.decayMs must be a number of milliseconds in [1, 2147483647], got 0 (number)'],
    [{ failurePenaltyMs: -1 }, 'PeakEwmaBalancer.failurePenaltyMs must be a number of milliseconds in [0, 2147483647]'],
    [{ clock: Date }, 'PeakEwmaBalancer.clock must be a Clock with now and setTimeout, got a function (function)'],
    [{ random: 0.5 }, 'PeakEwmaBalancer.random must be a function, got 0.5 (number)'],
    [null, 'PeakEwmaBalancer must be an object, got null (object)'],
  ])('rejects the options %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(PeakEwmaBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })
})
