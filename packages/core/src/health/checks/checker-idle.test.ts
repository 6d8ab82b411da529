import { FakeClock, instance, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { HealthChecker } from './checker.ts'
import type { HealthCheckOptions } from './options.ts'

/** A checker without jitter whose instance has `traffic.requests` so far. */
function idling(
  answer: (number: number) => boolean = () => true,
  options: HealthCheckOptions & { random?: () => number } = {},
): { clock: FakeClock; checker: HealthChecker; probedAtMs: number[]; traffic: { requests: number } } {
  const clock = new FakeClock(0)
  const probedAtMs: number[] = []
  const traffic = { requests: 0 }
  const probe = (): boolean => answer(probedAtMs.push(clock.now()))
  const checker = new HealthChecker({ jitter: 0, initialJitterMs: 0, clock, probe, ...options })
  checker.watch(
    instance('a'),
    () => {},
    () => traffic.requests,
  )
  return { clock, checker, probedAtMs, traffic }
}

describe('a healthy instance without traffic', () => {
  it('is probed once a minute', async () => {
    const { clock, probedAtMs } = idling()
    await clock.advance(180_000)
    expect(probedAtMs).toEqual([0, 60_000, 120_000, 180_000])
  })

  it.each<[HealthCheckOptions, number[]]>([
    [{ idleIntervalMs: 12_000 }, [0, 12_000, 24_000]],
    [{ idleIntervalMs: 5_000 }, [0, 5_000, 10_000, 15_000, 20_000, 25_000]],
    [{ intervalMs: 7_000, idleIntervalMs: 7_500 }, [0, 7_500, 15_000, 22_500]],
  ])('is probed at the interval that was given: %j', async (options, expected) => {
    const { clock, probedAtMs } = idling(undefined, options)
    await clock.advance(25_000)
    expect(probedAtMs).toEqual(expected)
  })

  it('is never probed more often than one with traffic', async () => {
    const { clock, probedAtMs } = idling(undefined, { intervalMs: 90_000 })
    await clock.advance(200_000)
    expect(probedAtMs).toEqual([0, 90_000, 180_000])
  })

  it('is probed within an interval after requests came back', async () => {
    const { clock, probedAtMs, traffic } = idling()
    await clock.advance(31_000)
    traffic.requests++
    await clock.advance(4_000)
    expect(probedAtMs).toEqual([0, 35_000])
    // No request since: it is idle again.
    await clock.advance(60_000)
    expect(probedAtMs).toEqual([0, 35_000, 95_000])
  })

  it('is probed every interval while requests keep coming', async () => {
    const { clock, probedAtMs, traffic } = idling()
    for (let second = 0; second < 20; second++) {
      traffic.requests++
      await clock.advance(1_000)
    }
    expect(probedAtMs).toEqual([0, 5_000, 10_000, 15_000, 20_000])
  })

  it('is not left alone in the middle of a threshold, nor while it is unhealthy', async () => {
    // Fails at 60 s: the threshold is reached at 70 s, and healthy again at 85 s.
    const { clock, probedAtMs } = idling((number) => number === 1 || number > 5)
    await clock.advance(150_000)
    expect(probedAtMs).toEqual([0, 60_000, 65_000, 70_000, 75_000, 80_000, 85_000, 145_000])
  })

  it('is not left alone before it is known to be healthy', async () => {
    const { clock, probedAtMs } = idling((number) => number > 2)
    await clock.advance(16_000)
    expect(probedAtMs).toEqual([0, 5_000, 10_000, 15_000])
  })

  it('is probed as usual when one of its watchers has traffic, or does not say', async () => {
    const counted = idling()
    let requests = 0
    counted.checker.watch(
      instance('b'),
      () => {},
      () => requests++,
    )
    await counted.clock.advance(10_000)
    expect(counted.probedAtMs).toEqual([0, 5_000, 10_000])

    const silent = idling()
    const subscription = silent.checker.watch(instance('b'), () => {})
    await silent.clock.advance(10_000)
    expect(silent.probedAtMs).toEqual([0, 5_000, 10_000])
    subscription.close()
    await silent.clock.advance(60_000)
    expect(silent.probedAtMs).toEqual([0, 5_000, 10_000, 70_000])
  })

  it('is not probed because somebody joins who had requests long ago', async () => {
    const { clock, checker, probedAtMs } = idling()
    await clock.advance(7_000)
    checker.watch(
      instance('b'),
      () => {},
      () => 1_000,
    )
    await clock.advance(60_000)
    expect(probedAtMs).toEqual([0, 60_000])
  })

  it('is probed as usual when the count of traffic throws', async () => {
    const { clock, checker, probedAtMs } = idling()
    checker.watch(
      instance('b'),
      () => {},
      () => {
        throw new Error('count')
      },
    )
    await clock.advance(10_000)
    expect(probedAtMs).toEqual([0, 5_000, 10_000])
  })

  it('has its idle interval jittered too', async () => {
    const { clock, probedAtMs } = idling(undefined, { jitter: 0.2, random: seededRandom(5) })
    await clock.advance(3_600_000)
    const delays = probedAtMs.slice(1).map((at, index) => at - (probedAtMs[index] as number))
    // Sums of many ticks: a millionth of a millisecond for rounding.
    expect(Math.max(...delays)).toBeLessThanOrEqual(60_000 + 1e-6)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(48_000 - 1e-6)
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(40)
  })

  it('leaves no timer when the checker is closed', async () => {
    const { clock, checker } = idling()
    await clock.advance(12_345)
    expect(clock.pendingTimers).toBe(1)
    expect(clock.pendingForegroundTimers).toBe(0)
    checker.close()
    expect(clock.pendingTimers).toBe(0)
  })
})
