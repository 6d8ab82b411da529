import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { AttemptFunction } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']

function after(observed: ObservedLoadBalancer, ms: () => number): AttemptFunction<number> {
  return (_instance, { signal }) =>
    new Promise((resolve, reject) => {
      const latencyMs = ms()
      const cancel = observed.clock.setTimeout(() => resolve(latencyMs), latencyMs)
      signal.addEventListener('abort', () => {
        cancel()
        reject(signal.reason)
      })
    })
}

async function calls(observed: ObservedLoadBalancer, count: number, ms: () => number): Promise<void> {
  for (let call = 0; call < count; call++) {
    await observed.settle(observed.lb.execute('users', after(observed, ms), { idempotent: true }), 1_000)
  }
}

describe('hedging by percentile', () => {
  it('begins when 20 answers were seen, and waits as long as 95 % of them took', async () => {
    const observed = new ObservedLoadBalancer(three, { hedge: {} })
    await calls(observed, 19, () => 50)
    await calls(observed, 1, () => 900)
    expect(observed.eventsOf('hedge')).toEqual([])
    const startedAt = observed.clock.now()
    const begun: number[] = []
    const call = observed.lb.execute(
      'users',
      (_instance, { number }) => {
        begun.push(observed.clock.now() - startedAt)
        return number === 1 ? new Promise<number>(() => {}) : number
      },
      { idempotent: true },
    )
    expect(await observed.settle(call)).toBe(2)
    expect(begun).toHaveLength(2)
    // 19 of 20 took 50 ms; the estimate is within 5 %.
    expect(begun[1]).toBeGreaterThan(50 * 0.95)
    expect(begun[1]).toBeLessThan(50 * 1.05)
  })

  it('waits no less than minDelayMs', async () => {
    const observed = new ObservedLoadBalancer(three, { hedge: { minDelayMs: 200 } })
    await calls(observed, 20, () => 5)
    const startedAt = observed.clock.now()
    let hedgedAfter = 0
    observed.lb.subscribe(({ type }) => {
      if (type === 'hedge') hedgedAfter = observed.clock.now() - startedAt
    })
    await calls(observed, 1, () => 500)
    expect(hedgedAfter).toBe(200)
  })

  it('learns nothing from failures, nor from calls that cannot be hedged', async () => {
    const observed = new ObservedLoadBalancer(three, { hedge: {}, retry: false, outlierDetection: false })
    for (let call = 0; call < 30; call++) {
      await observed.lb.execute('users', () => new Response(null, { status: 500 }), { idempotent: true })
      await observed.lb.execute('users', () => 1)
    }
    await calls(observed, 1, () => 900)
    expect(observed.eventsOf('hedge')).toEqual([])
  })

  it('keeps to its share of the requests, although those it wins are never seen to the end', async () => {
    const random = seededRandom(7)
    const observed = new ObservedLoadBalancer(three, { hedge: { percentile: 90 }, retry: { budget: false } })
    // A heavy tail: Pareto with exponent 1, from 5 ms on.
    const ms = (): number => Math.min(5 / (1 - random()), 900)
    const total = 3_000
    await calls(observed, total, ms)
    // 10 % by definition. The estimate is up to 5 % off (0.5 points here), and the window holds 60 of the calls: a rank
    // among 60 has a standard deviation of sqrt(0.1 × 0.9 / 60) = 3.9 points, independent for some 50 windows, 0.55.
    const share = observed.eventsOf('hedge').length / total
    expect(share).toBeGreaterThan(0.07)
    expect(share).toBeLessThan(0.15)
  })
})
