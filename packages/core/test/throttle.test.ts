import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type AttemptFunction, type LoadBalancerOptions, OverloadedError } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']

function throttled(options: Partial<LoadBalancerOptions> = {}): ObservedLoadBalancer {
  return new ObservedLoadBalancer(three, {
    random: seededRandom(11),
    throttle: {},
    retry: false,
    outlierDetection: false,
    ...options,
  })
}

/** Calls, ten a second. Gives how many were sent, and how many were refused here. */
async function calls(
  observed: ObservedLoadBalancer,
  count: number,
  attempt: AttemptFunction<unknown>,
): Promise<{ sent: number; here: number }> {
  let sent = 0
  let here = 0
  for (let call = 0; call < count; call++) {
    await observed.clock.advance(100)
    await observed.lb
      .execute('users', (instance, context) => {
        sent++
        return attempt(instance, context)
      })
      .catch((error: unknown) => {
        if (error instanceof OverloadedError) here++
      })
  }
  return { sent, here }
}

const dead: AttemptFunction<unknown> = () => Promise.reject(refused)
const status =
  (code: number): AttemptFunction<unknown> =>
  () =>
    new Response(null, { status: code })

describe('throttle', () => {
  it('is off by default', async () => {
    const { sent, here } = await calls(throttled({ throttle: false }), 300, dead)
    expect([sent, here]).toEqual([300, 0])
  })

  it('refuses most calls here while the service is dead, with LB_OVERLOADED and an event', async () => {
    const observed = throttled()
    const { sent, here } = await calls(observed, 1_000, dead)
    // One in five is sent: 200, standard deviation sqrt(1000 × 0.2 × 0.8) = 12.6, five of them 63. Request n of the first
    // four is sent with 1 / n: 1.3 more.
    expect(Math.abs(sent - 201)).toBeLessThan(64)
    expect(sent + here).toBe(1_000)
    expect(observed.eventsOf('call-refused')).toHaveLength(here)
    expect(observed.eventsOf('call-refused')[0]).toEqual({
      type: 'call-refused',
      service: 'users',
      call: expect.any(Number),
      because: 'throttled',
    })
    expect(observed.inFlight).toBe(0)
  })

  it('says what refused the call', async () => {
    const observed = throttled({ random: () => 0 })
    await calls(observed, 2, dead)
    await expect(observed.lb.execute('users', dead)).rejects.toThrow(
      expect.objectContaining({
        code: 'LB_OVERLOADED',
        service: 'users',
        message: 'users: overloaded, refused before it was sent: as the service refuses most requests (throttle)',
      }),
    )
    expect(observed.inFlight).toBe(0)
  })

  it('lets calls through again when the service is back', async () => {
    const observed = throttled()
    await calls(observed, 1_000, dead)
    // 1200 calls are in the window. A fifth is sent until 120 were accepted, after a minute; then the accepts grow as e^(t/1 min)
    // to 600, for 1.6 min.
    await calls(observed, 2_400, status(200))
    const { here } = await calls(observed, 600, status(200))
    expect(here).toBe(0)
  })

  it.each([503, 429])('takes a status %i for a refusal', async (code) => {
    const { sent } = await calls(throttled(), 500, status(code))
    // One in five; standard deviation sqrt(500 × 0.2 × 0.8) = 9, five of them 45.
    expect(Math.abs(sent - 101)).toBeLessThan(46)
  })

  it.each([500, 404, 200])('takes a status %i for work that was accepted', async (code) => {
    const { sent } = await calls(throttled(), 500, status(code))
    expect(sent).toBe(500)
  })

  it('takes an attempt that took too long for a refusal', async () => {
    const observed = throttled({ retry: { attemptTimeoutMs: 10, maxRetries: 0 } })
    const call = (): Promise<unknown> => observed.lb.execute('users', () => new Promise(() => {}))
    for (let each = 0; each < 200; each++) {
      const settled = Promise.allSettled([call()])
      await observed.settle(settled, 10)
    }
    // Four in five of 200, minus five standard deviations of 5.7.
    expect(observed.eventsOf('call-refused').length).toBeGreaterThan(131)
  })

  it('counts calls for nothing that their callers gave up', async () => {
    const observed = throttled()
    for (let each = 0; each < 200; each++) {
      const controller = new AbortController()
      const call = observed.lb.execute('users', () => new Promise(() => {}), { signal: controller.signal })
      controller.abort()
      await expect(call).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
    }
    expect((await calls(observed, 100, status(200))).here).toBe(0)
  })

  it('counts mistakes of the program for nothing', async () => {
    const mistake: AttemptFunction<unknown> = () => {
      throw new TypeError('undefined is not a function')
    }
    expect((await calls(throttled(), 200, mistake)).here).toBe(0)
  })

  it('holds for requests that are acquired, which count when they are done', async () => {
    const observed = throttled({ random: () => 0 })
    const open = [await observed.lb.acquire('users'), await observed.lb.acquire('users')]
    for (const { done } of open) done({ ok: false, latencyMs: 1, error: refused })
    await expect(observed.lb.acquire('users')).rejects.toThrow(OverloadedError)
    expect(observed.inFlight).toBe(0)
  })

  it('refuses retries and hedges too, and the caller gets what the attempt gave', async () => {
    const observed = throttled({ retry: {}, random: () => 0 })
    let attempts = 0
    const call = observed.lb.execute(
      'users',
      () => {
        attempts++
        return Promise.reject(reset)
      },
      { idempotent: true },
    )
    // The first failure is all there is: (1 − 2 × 0) / (1 + 1) is above a draw of 0 only when it counts already.
    await expect(observed.settle(call)).rejects.toBe(reset)
    expect(attempts).toBe(2)

    const hedged = throttled({ hedge: { delayMs: 10 }, random: () => 0, retry: {} })
    const slow = hedged.lb.execute(
      'users',
      () => new Promise((resolve) => void hedged.clock.setTimeout(() => resolve(1), 100)),
      { idempotent: true },
    )
    const { done } = await hedged.lb.acquire('users')
    done({ ok: false, latencyMs: 1, error: refused })
    expect(await hedged.settle(slow)).toBe(1)
    expect(hedged.eventsOf('hedge')).toEqual([])
  })

  it('does not let refused calls pay for retries', async () => {
    const observed = throttled({ retry: { maxRetries: 0, budget: { ratio: 1, minPerSecond: 0 } }, random: () => 0 })
    for (let each = 0; each < 50; each++) await Promise.allSettled([observed.lb.execute('users', dead)])
    expect(observed.finished).toHaveLength(1)
    expect(observed.lb.inspect('users').retryBudget).toBe(1)
  })
})
