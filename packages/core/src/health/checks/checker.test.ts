import { FakeClock, instance, seededRandom, settlePromises } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HealthChecker, type HealthState, type HealthSubscription } from './checker.ts'
import type { HealthCheckOptions, HealthProbe } from './options.ts'

type Answer = ReturnType<HealthProbe>

/** Watches one instance without jitter; notes when it was probed and which changes were told. */
function watched(
  answer: (number: number, signal: AbortSignal) => Answer,
  options: HealthCheckOptions & { random?: () => number } = {},
): {
  clock: FakeClock
  checker: HealthChecker
  subscription: HealthSubscription
  probedAtMs: number[]
  signals: AbortSignal[]
  told: HealthState[]
} {
  const clock = new FakeClock(0)
  const probedAtMs: number[] = []
  const signals: AbortSignal[] = []
  const told: HealthState[] = []
  const checker = new HealthChecker({
    jitter: 0,
    initialJitterMs: 0,
    clock,
    probe: (_instance, { signal }) => {
      probedAtMs.push(clock.now())
      signals.push(signal)
      return answer(probedAtMs.length, signal)
    },
    ...options,
  })
  const subscription = checker.watch(instance('a'), (state) => told.push(state))
  return { clock, checker, subscription, probedAtMs, signals, told }
}

const never = (): Promise<never> => new Promise(() => {})

describe('HealthChecker', () => {
  it('probes every 5 s, and decides by the first result', async () => {
    const { clock, probedAtMs, told, subscription } = watched(() => true)
    expect(subscription.state).toMatchObject({ status: 'unknown', sinceMs: 0, reason: 'not probed yet' })
    expect(probedAtMs).toEqual([])
    await clock.advance(12_000)
    expect(probedAtMs).toEqual([0, 5_000, 10_000])
    expect(told).toEqual([
      {
        status: 'healthy',
        sinceMs: 0,
        reason: 'the probe passed',
        checks: 1,
        consecutiveFailures: 0,
        consecutiveSuccesses: 1,
      },
    ])
    expect(subscription.state).toMatchObject({ status: 'healthy', checks: 3, consecutiveSuccesses: 3 })
    expect(Object.isFrozen(subscription.state)).toBe(true)
  })

  it('probes the instance it was given', async () => {
    const probed: unknown[] = []
    const clock = new FakeClock()
    const checker = new HealthChecker({ clock, probe: (given) => probed.push(given) > 0 })
    const one = instance('a', { metadata: { shard: '7' } })
    checker.watch(one, () => {})
    await clock.advance(1_000)
    expect(probed).toEqual([one])
    expect(probed[0]).toBe(one)
  })

  it('tells changes only: after three failures in a row, and after two successes', async () => {
    const results = [true, false, false, true, false, false, false, false, true, false, true, true, true]
    const { clock, told } = watched((number) => results[number - 1] ?? true)
    await clock.advance(70_000)
    expect(told.map(({ status, sinceMs }) => [status, sinceMs])).toEqual([
      ['healthy', 0],
      ['unhealthy', 30_000],
      ['healthy', 55_000],
    ])
  })

  it('takes other thresholds and another interval', async () => {
    const { clock, told } = watched((number) => number % 4 < 2, {
      healthyThreshold: 1,
      unhealthyThreshold: 2,
      intervalMs: 100,
    })
    await clock.advance(600)
    expect(told.map(({ sinceMs }) => sinceMs)).toEqual([0, 200, 300, 600])
  })

  it('heeds an immediate failure at once', async () => {
    const { clock, told } = watched((number) => ({
      healthy: number !== 2,
      immediate: true,
      reason: `answer ${number}`,
    }))
    await clock.advance(5_000)
    expect(told).toMatchObject([{ reason: 'answer 1' }, { status: 'unhealthy', sinceMs: 5_000, reason: 'answer 2' }])
    await clock.advance(10_000)
    expect(told).toHaveLength(3)
  })

  it('takes a throw, a rejection and a result that is none for failures', async () => {
    const answers: ((number: number) => Answer)[] = [
      () => {
        throw new Error('thrown')
      },
      () => Promise.reject(new Error('rejected')),
      () => 'ok' as unknown as boolean,
      () => ({
        get healthy(): boolean {
          throw new Error('hostile')
        },
      }),
    ]
    const { clock, subscription } = watched((number) => answers[number - 1]?.(number) ?? true)
    const reasons: string[] = []
    for (let check = 0; check < answers.length; check++) {
      await clock.advance(check === 0 ? 0 : 5_000)
      reasons.push(subscription.state.reason)
    }
    expect(reasons).toEqual([
      'thrown',
      'rejected',
      'the probe gave "ok", neither a boolean nor an object with a boolean healthy',
      'hostile',
    ])
    expect(subscription.state).toMatchObject({ status: 'unhealthy', checks: 4, consecutiveFailures: 4 })
  })

  it('goes on when a listener throws, and tells the others', async () => {
    const { clock, checker, probedAtMs } = watched(() => true)
    const told: string[] = []
    checker.watch(instance('b', { port: 81 }), () => {
      throw new Error('listener')
    })
    checker.watch(instance('b', { port: 81 }), ({ status }) => told.push(status))
    await clock.advance(10_000)
    expect(told).toEqual(['healthy'])
    expect(probedAtMs).toHaveLength(6)
  })

  it('keeps no process alive', async () => {
    const { clock, checker } = watched(never)
    for (const step of [0, 1_000, 1_000, 5_000]) {
      await clock.advance(step)
      expect(clock.pendingForegroundTimers).toBe(0)
      expect(clock.pendingTimers).toBe(1)
    }
    checker.close()
  })

  it('says how long removed instances are kept', () => {
    expect(new HealthChecker().keepRemovedMs).toBe(0)
    expect(new HealthChecker({ keepRemovedMs: 30_000 }).keepRemovedMs).toBe(30_000)
  })

  it('refuses a listener and a count of traffic that are none', () => {
    const { checker } = watched(() => true)
    const watch = checker.watch.bind(checker) as (...values: unknown[]) => unknown
    expect(() => watch(instance('a'), null)).toThrow('HealthChecker.watch.listener must be a function, got null')
    expect(() => watch(instance('a'), undefined)).toThrow('HealthChecker.watch.listener')
    expect(() => watch(instance('a'), () => {}, 5)).toThrow('HealthChecker.watch.traffic must be a function, got 5')
  })

  it('agrees with a simple model for any sequence of passes, failures, throws, hangs and immediate failures', async () => {
    const outcomes = ['pass', 'fail', 'throw', 'hang', 'leave'] as const
    const answers: Record<(typeof outcomes)[number], () => Answer> = {
      pass: () => true,
      fail: () => Promise.resolve(false),
      throw: () => {
        throw new Error('down')
      },
      hang: never,
      leave: () => ({ healthy: false, immediate: true }),
    }
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 25 }), async (sequence) => {
        const { clock, told, checker } = watched((number) => answers[sequence[number - 1] ?? 'pass']())
        const expected: [string, number][] = []
        let [atMs, successes, failures, status] = [0, 0, 0, 'unknown']
        for (const [index, outcome] of sequence.entries()) {
          if (outcome === 'hang') atMs += 2_000
          successes = outcome === 'pass' ? successes + 1 : 0
          failures = outcome === 'pass' ? 0 : failures + 1
          const first = index === 0
          if (successes >= 2 || (first && successes > 0)) status = 'healthy'
          if (failures >= 3 || (first && failures > 0) || outcome === 'leave') status = 'unhealthy'
          if (status !== (expected.at(-1)?.[0] ?? 'unknown')) expected.push([status, atMs])
          atMs += 5_000
        }
        await clock.advance(atMs - 1)
        expect(told.map((state) => [state.status, state.sinceMs])).toEqual(expected)
        checker.close()
        expect(clock.pendingTimers).toBe(0)
      }),
      { seed: 20_240_607, numRuns: 60 },
    )
  })
})

describe('jitter', () => {
  it('makes every delay shorter by up to a fifth, differently each time', async () => {
    const { clock, probedAtMs } = watched(() => true, { jitter: undefined as never, random: seededRandom(7) })
    await clock.advance(500_000)
    const delays = probedAtMs.slice(1).map((at, index) => at - (probedAtMs[index] as number))
    expect(Math.max(...delays)).toBeLessThanOrEqual(5_000)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(4_000)
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(50)
  })

  it.each<[HealthCheckOptions, number]>([
    [{}, 1_000],
    [{ intervalMs: 400 }, 400],
    [{ initialJitterMs: 8_000 }, 8_000],
  ])('spreads the first probes of a fleet evenly: %j', async (options, spanMs) => {
    const clock = new FakeClock(0)
    const random = seededRandom(11)
    const firstAtMs: number[] = []
    for (let client = 0; client < 1_000; client++) {
      let first = true
      const probe = (): boolean => {
        if (first) firstAtMs.push(clock.now())
        first = false
        return true
      }
      new HealthChecker({ ...options, clock, random, probe }).watch(instance('a'), () => {})
    }
    await clock.advance(0)
    clock.advanceSync(spanMs)
    expect(firstAtMs).toHaveLength(1_000)
    // Each tenth holds 100 of 1 000 on average; the standard deviation is √(1 000 × 0.1 × 0.9) ≈ 9.5, so 50 is beyond 5 σ.
    for (let tenth = 0; tenth < 10; tenth++) {
      const within = firstAtMs.filter((at) => Math.min(9, Math.floor((10 * at) / spanMs)) === tenth)
      expect(Math.abs(within.length - 100)).toBeLessThan(50)
    }
  })

  it('keeps a fleet that starts in step from staying in step', async () => {
    const clock = new FakeClock(0)
    const random = seededRandom(3)
    const lastAtMs: number[] = []
    for (let client = 0; client < 200; client++) {
      const probe = (): boolean => {
        lastAtMs[client] = clock.now()
        return true
      }
      new HealthChecker({ initialJitterMs: 0, clock, random, probe }).watch(instance('a'), () => {})
    }
    await clock.advance(60_000)
    // After 12 steps of 4 to 5 s the phases cover the interval: each half second of the last 4 has some.
    for (let slot = 0; slot < 8; slot++) {
      expect(lastAtMs.filter((at) => Math.floor((60_000 - at) / 500) === slot).length).toBeGreaterThan(0)
    }
  })
})

describe('a probe that takes too long', () => {
  it('is aborted and a failure, and its late result is dropped', async () => {
    const late: ((healthy: boolean) => void)[] = []
    const { clock, told, signals, subscription, probedAtMs } = watched(
      () => new Promise<boolean>((resolve) => late.push(resolve)),
    )
    await clock.advance(1_999)
    expect(subscription.state.status).toBe('unknown')
    expect(signals[0]?.aborted).toBe(false)
    await clock.advance(1)
    expect(signals[0]?.aborted).toBe(true)
    expect(told).toMatchObject([{ status: 'unhealthy', sinceMs: 2_000, reason: 'no answer within 2000 ms' }])
    late[0]?.(true)
    await settlePromises()
    expect(subscription.state).toMatchObject({ status: 'unhealthy', checks: 1 })
    // The next one is asked 5 s after the end, and the late result is not taken for its own.
    await clock.advance(5_000)
    expect(probedAtMs).toEqual([0, 7_000])
    late[0]?.(true)
    await settlePromises()
    expect(subscription.state.checks).toBe(1)
    late[1]?.(true)
    await settlePromises()
    expect(subscription.state).toMatchObject({ checks: 2, consecutiveSuccesses: 1 })
  })

  it('counts once when it then rejects because of the abort', async () => {
    const { clock, subscription } = watched(
      (_number, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
      { timeoutMs: 300 },
    )
    await clock.advance(300)
    expect(subscription.state).toMatchObject({ checks: 1, reason: 'no answer within 300 ms' })
  })

  it('is the only one in flight', async () => {
    const { clock, signals } = watched(never, { timeoutMs: 60_000, intervalMs: 10 })
    await clock.advance(59_999)
    expect(signals).toHaveLength(1)
  })

  it('does not wait for its timeout once it answered', async () => {
    const { clock, probedAtMs, signals } = watched(() => true, { timeoutMs: 60_000, intervalMs: 100 })
    await clock.advance(1_000)
    expect(probedAtMs).toHaveLength(11)
    expect(clock.pendingTimers).toBe(1)
    expect(signals.some(({ aborted }) => aborted)).toBe(false)
  })
})
