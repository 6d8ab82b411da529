import { FakeClock, instance, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { ServiceInstance } from '../../instance/instance.ts'
import { HealthChecker } from './checker.ts'
import type { HealthProbe } from './options.ts'

function checkerOf(probe: HealthProbe = () => true): {
  clock: FakeClock
  checker: HealthChecker
  probed: ServiceInstance[]
  signals: AbortSignal[]
} {
  const clock = new FakeClock(0)
  const probed: ServiceInstance[] = []
  const signals: AbortSignal[] = []
  const checker = new HealthChecker({
    jitter: 0,
    initialJitterMs: 0,
    clock,
    probe: (given, context) => {
      probed.push(given)
      signals.push(context.signal)
      return probe(given, context)
    },
  })
  return { clock, checker, probed, signals }
}

const ignore = (): void => {}
const never = (): Promise<never> => new Promise(() => {})

describe('watchers of one address', () => {
  it('share one set of probes, and are all told', async () => {
    const { clock, checker, probed } = checkerOf()
    const told: string[] = []
    const users = checker.watch(instance('users-1'), ({ status }) => told.push(`users ${status}`))
    const orders = checker.watch(instance('orders-1'), ({ status }) => told.push(`orders ${status}`))
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(10_000)
    expect(probed).toHaveLength(3)
    expect(told).toEqual(['users healthy', 'orders healthy'])
    expect(orders.state).toBe(users.state)
  })

  it('are those of the same scheme, host and port, whatever the case of the host', () => {
    const { clock, checker } = checkerOf()
    checker.watch(instance('a', { host: 'node-1.internal' }), ignore)
    checker.watch(instance('b', { host: 'NODE-1.internal', weight: 7, zone: 'eu' }), ignore)
    expect(clock.pendingTimers).toBe(1)
    checker.watch(instance('a', { host: 'node-1.internal', secure: true }), ignore)
    checker.watch(instance('a', { host: 'node-1.internal', port: 81 }), ignore)
    checker.watch(instance('a', { host: 'node-2.internal' }), ignore)
    expect(clock.pendingTimers).toBe(4)
  })

  it('that come later know at once what is known, and are told of the next change only', async () => {
    const answers = [true, false, false, false]
    const { clock, checker, probed } = checkerOf(() => answers[probed.length - 1] ?? false)
    checker.watch(instance('a'), ignore)
    await clock.advance(1_000)
    const told: string[] = []
    const late = checker.watch(instance('a'), ({ status }) => told.push(status))
    expect(late.state).toMatchObject({ status: 'healthy', sinceMs: 0, checks: 1 })
    await settlePromises()
    expect(told).toEqual([])
    await clock.advance(14_000)
    expect(told).toEqual(['unhealthy'])
  })

  it('have the newest instance probed, and the one before it when that goes', async () => {
    const { clock, checker, probed } = checkerOf()
    checker.watch(instance('a', { metadata: { version: '1' } }), ignore)
    await clock.advance(0)
    const newer = checker.watch(instance('a', { metadata: { version: '2' } }), ignore)
    await clock.advance(5_000)
    newer.close()
    await clock.advance(5_000)
    expect(probed.map(({ metadata }) => metadata.version)).toEqual(['1', '2', '1'])
  })

  it('go on when one of them closes, and nothing is left when the last one did', async () => {
    const { clock, checker, probed, signals } = checkerOf(never)
    const told: string[] = []
    const first = checker.watch(instance('a'), () => told.push('first'))
    const second = checker.watch(instance('a'), () => told.push('second'))
    await clock.advance(100)
    first.close()
    first.close()
    expect(signals[0]?.aborted).toBe(false)
    checker.watch(instance('a'), ignore).close()
    expect(clock.pendingTimers).toBe(1)
    const third = checker.watch(instance('a'), ignore)
    expect(clock.pendingTimers).toBe(1)
    third.close()
    await clock.advance(7_000)
    expect(told).toEqual(['second'])
    expect(first.state.status).toBe('unknown')
    expect(second.state.status).toBe('unhealthy')
    second.close()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(clock.pendingTimers).toBe(0)
    expect(second.state.status).toBe('unhealthy')
    await clock.advance(60_000)
    expect(probed).toHaveLength(2)
  })

  it('keep what is known while the subscription is renewed, when the new one comes first', async () => {
    const { clock, checker } = checkerOf()
    const before = checker.watch(instance('a'), ignore)
    await clock.advance(0)
    const renewed = checker.watch(instance('a'), ignore)
    before.close()
    expect(renewed.state).toMatchObject({ status: 'healthy', checks: 1 })
  })

  it('start anew after all of them were gone', async () => {
    const { clock, checker, probed } = checkerOf()
    checker.watch(instance('a'), ignore).close()
    const stale = checker.watch(instance('a'), ignore)
    await clock.advance(0)
    stale.close()
    const next = checker.watch(instance('a'), ignore)
    stale.close()
    expect(next.state).toMatchObject({ status: 'unknown', checks: 0 })
    await clock.advance(0)
    expect(next.state.status).toBe('healthy')
    expect(probed).toHaveLength(2)
    checker.watch(instance('a'), ignore)
    expect(clock.pendingTimers).toBe(1)
  })

  it('may close one another, and watch others, while they are told', async () => {
    const { clock, checker } = checkerOf()
    const told: string[] = []
    checker.watch(instance('a'), () => {
      told.push('first')
      second.close()
      checker.watch(instance('b', { port: 81 }), () => told.push('other'))
    })
    const second = checker.watch(instance('a'), () => told.push('second'))
    await clock.advance(0)
    expect(told).toEqual(['first', 'other'])
  })

  it('may close the checker while they are told', async () => {
    const { clock, checker } = checkerOf()
    const told: string[] = []
    checker.watch(instance('a'), () => {
      told.push('first')
      checker.close()
    })
    checker.watch(instance('a'), () => told.push('second'))
    await clock.advance(60_000)
    expect(told).toEqual(['first'])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('after close', () => {
  it('nothing is probed or told, no timer is left, and what was in flight is aborted', async () => {
    const { clock, checker, signals, probed } = checkerOf(never)
    const told: unknown[] = []
    for (const port of [81, 82, 83]) checker.watch(instance('a', { port }), (state) => told.push(state))
    await clock.advance(0)
    // One more that waits for its first probe.
    checker.watch(instance('a', { port: 84 }), (state) => told.push(state))
    checker.close()
    checker.close()
    expect(clock.pendingTimers).toBe(0)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true])
    await clock.advance(60_000)
    expect(told).toEqual([])
    expect(probed).toHaveLength(3)
  })

  it('a result that comes late is dropped, and starts no timer', async () => {
    let answer: (healthy: boolean) => void = ignore
    const { clock, checker } = checkerOf(
      () =>
        new Promise<boolean>((resolve) => {
          answer = resolve
        }),
    )
    const told: unknown[] = []
    const subscription = checker.watch(instance('a'), (state) => told.push(state))
    await clock.advance(0)
    checker.close()
    answer(true)
    await settlePromises()
    expect(told).toEqual([])
    expect(subscription.state.status).toBe('unknown')
    expect(clock.pendingTimers).toBe(0)
    subscription.close()
  })

  it('a watch says why it knows nothing', async () => {
    const { clock, checker } = checkerOf()
    checker.close()
    const subscription = checker.watch(instance('a'), ignore)
    expect(subscription.state).toMatchObject({ status: 'unknown', reason: 'the health checker is closed' })
    expect(clock.pendingTimers).toBe(0)
    subscription.close()
  })
})
