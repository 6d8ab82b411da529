import { describe, expect, it } from 'vitest'
import type { AttemptFunction, LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const many = 10_000

/** Sends `requests` to a dead service within `durationMs`, and counts the attempts. */
async function storm(
  durationMs: number,
  error: Error | Response,
  options: Partial<LoadBalancerOptions> = {},
  requests = many,
): Promise<{ attempts: number; failed: number; observed: ObservedLoadBalancer }> {
  const observed = new ObservedLoadBalancer(['a:1', 'b:1', 'c:1'], options)
  let attempts = 0
  const attempt: AttemptFunction<unknown> = async () => {
    attempts++
    if (error instanceof Error) throw error
    return error
  }
  const calls: Promise<unknown>[] = []
  const steps = durationMs === 0 ? 1 : 100
  for (let step = 0; step < steps; step++) {
    for (let request = 0; request < requests / steps; request++) {
      calls.push(observed.lb.execute('users', attempt, { idempotent: true }))
    }
    const settled = Promise.allSettled(calls.slice(-requests / steps))
    await observed.clock.advance(durationMs / steps)
    await settled
  }
  await observed.clock.advance(1_000)
  const results = await Promise.allSettled(calls)
  const failed = results.filter((result) => result.status === 'rejected').length
  return { attempts, failed, observed }
}

describe('10 000 requests to a dead service', () => {
  it.each([
    ['at once, refused', 0, refused],
    ['at once, reset', 0, reset],
    ['over 10 s, refused', 10_000, refused],
    ['over 10 s, answered with 503', 10_000, new Response(null, { status: 503 })],
  ])('make at most 1.25 times as many attempts: %s', async (_, durationMs, error) => {
    const { attempts, failed, observed } = await storm(durationMs, error)
    expect(attempts).toBeLessThanOrEqual(1.25 * many)
    // The budget is used, too: a fifth of the requests is retried.
    expect(attempts).toBeGreaterThanOrEqual(1.19 * many)
    expect(failed).toBe(error instanceof Error ? many : 0)
    expect(observed.finished).toHaveLength(attempts)
    expect([observed.inFlight, observed.clock.pendingForegroundTimers]).toEqual([0, 0])
    expect(observed.eventsOf('retry')).toHaveLength(attempts - many)
    expect(observed.eventsOf('retry-budget-exhausted').length).toBeGreaterThan(0)
  })

  it('make at most 12 100 attempts while the clock stands still', async () => {
    const { attempts } = await storm(0, refused, { random: () => 0 })
    expect(attempts).toBe(12_100)
  })

  it('would make three times as many without a budget', async () => {
    const { attempts } = await storm(0, refused, { retry: { budget: false } }, 1_000)
    expect(attempts).toBe(3_000)
  })
})
