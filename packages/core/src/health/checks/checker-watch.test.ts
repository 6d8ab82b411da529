import { FakeClock, instance, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { HealthChecker } from './checker.ts'
import type { HealthObserver, HealthProbe } from './options.ts'

/** One instance whose health a probe follows, without jitter. */
class Followed {
  readonly clock = new FakeClock(0)
  readonly probedAtMs: number[] = []
  readonly told: string[] = []
  readonly observers: HealthObserver[] = []
  closed = 0
  passes = true
  readonly checker: HealthChecker
  readonly subscription

  constructor(watch?: HealthProbe['watch']) {
    const ask = (): boolean => {
      this.probedAtMs.push(this.clock.now())
      return this.passes
    }
    const follow: HealthProbe['watch'] = (_instance, observer) => {
      this.observers.push(observer)
      return { close: () => this.closed++ }
    }
    const probe = Object.assign(ask, { watch: watch ?? follow })
    this.checker = new HealthChecker({ jitter: 0, initialJitterMs: 0, clock: this.clock, probe })
    let requests = 0
    this.subscription = this.checker.watch(
      instance('a'),
      ({ status, reason }) => this.told.push(`${status}: ${reason}`),
      () => requests++,
    )
  }
}

describe('a probe that follows instances', () => {
  it('begins when a probe has passed, once', async () => {
    const followed = new Followed()
    followed.passes = false
    await followed.clock.advance(5_000)
    expect(followed.observers).toHaveLength(0)
    followed.passes = true
    await followed.clock.advance(15_000)
    expect(followed.observers).toHaveLength(1)
  })

  it('decides at once, whatever the thresholds', async () => {
    const followed = new Followed()
    await followed.clock.advance(0)
    followed.observers[0]?.next({ healthy: false, reason: 'it says so' })
    followed.observers[0]?.next({ healthy: true, reason: 'it is back' })
    expect(followed.told).toEqual(['healthy: the probe passed', 'unhealthy: it says so', 'healthy: it is back'])
  })

  it('probes every idle interval while the instance announces that it is well', async () => {
    const followed = new Followed()
    await followed.clock.advance(0)
    followed.observers[0]?.next(true)
    await followed.clock.advance(125_000)
    expect(followed.probedAtMs).toEqual([0, 60_000, 120_000])
  })

  it('probes at once, and then as ever, when nothing is announced any more', async () => {
    const followed = new Followed()
    await followed.clock.advance(0)
    followed.observers[0]?.next(true)
    await followed.clock.advance(12_000)
    followed.observers[0]?.lost()
    followed.observers[0]?.lost()
    await settlePromises()
    await followed.clock.advance(10_000)
    expect(followed.probedAtMs).toEqual([0, 12_000, 17_000, 22_000])
  })

  it('ends with the last subscription, and is not heard afterwards', async () => {
    const followed = new Followed()
    await followed.clock.advance(0)
    followed.subscription.close()
    followed.observers[0]?.next(false)
    followed.observers[0]?.lost()
    await followed.clock.advance(60_000)
    expect([followed.closed, followed.told, followed.probedAtMs]).toEqual([1, ['healthy: the probe passed'], [0]])
  })

  it('leaves it at probes if it cannot follow', async () => {
    const followed = new Followed(() => {
      throw new Error('no')
    })
    await followed.clock.advance(10_000)
    expect(followed.probedAtMs).toEqual([0, 5_000, 10_000])
    followed.checker.close()
  })
})
