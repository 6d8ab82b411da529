import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { ExecuteOptions, LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const four = ['a:1', 'b:1', 'c:1', 'd:1']
const hours8 = 8 * 3_600_000

/** Instances that answer within 10 ms, whatever this process does meanwhile. */
class PausedService extends ObservedLoadBalancer {
  readonly failed: unknown[] = []
  given: Record<string, number> = {}

  constructor(instances: readonly string[], options: Partial<LoadBalancerOptions> = {}) {
    super(instances, { random: seededRandom(1), ...options })
  }

  call(options: ExecuteOptions<string> = { idempotent: true }): void {
    this.lb
      .execute(
        'users',
        ({ id }, context) =>
          new Promise<string>((resolve, reject) => {
            this.given[id] = (this.given[id] ?? 0) + 1
            context.onInterrupt(reject)
            this.clock.setTimeout(() => {
              // Read in the phase after that of the timers.
              this.clock.setTimeout(() => resolve(id), 0)
            }, 10)
          }),
        options,
      )
      .catch((error: unknown) => this.failed.push(error))
  }

  async run(calls: number, options?: ExecuteOptions<string>): Promise<void> {
    for (let each = 0; each < calls; each++) {
      this.call(options)
      await this.clock.advance(20)
    }
  }
}

describe('a pause of this process', () => {
  it.each<[string, number, Partial<LoadBalancerOptions>]>([
    ['time limits of attempts', 3_000, { retry: { attemptTimeoutMs: 1_000 } }],
    ['time limits of attempts', hours8, { retry: { attemptTimeoutMs: 1_000 } }],
    ['time limits of calls', 3_000, { timeoutMs: 1_000 }],
    ['time limits of calls', hours8, { timeoutMs: 1_000 }],
    ['hedges', 60_000, { hedge: { delayMs: 100 } }],
    ['the detection of silence', 60_000, {}],
    ['the wait for room', 60_000, { maxInFlight: 4, queue: { maxSize: 100, maxWaitMs: 500 } }],
    ['a throttle', 60_000, { throttle: {}, timeoutMs: 1_000 }],
  ])('does not count for %s (%d: %i ms)', async (_, pauseMs, options) => {
    const service = new PausedService(four, options)
    await service.run(50)
    for (let each = 0; each < 12; each++) service.call()
    await service.clock.pause(pauseMs)
    await service.run(50)
    expect(service.failed).toEqual([])
    for (const type of ['retry', 'hedge', 'instance-ejected', 'call-refused'] as const) {
      expect(service.eventsOf(type), type).toEqual([])
    }
    expect(Object.values(service.states)).toEqual(['available', 'available', 'available', 'available'])
    expect(service.inFlight).toBe(0)
    await service.lb.close()
    await service.clock.advance(100)
    expect(service.clock.pendingTimers).toBe(0)
  })

  it('does not use up what requests have paid for retries', async () => {
    const service = new PausedService(four, { retry: { budget: { ratio: 1, minPerSecond: 0 } } })
    await service.run(20)
    service.call()
    await service.clock.pause(60_000)
    expect(service.lb.inspect('users').retryBudget).toBe(21)
    await service.clock.advance(11_000)
    expect(service.lb.inspect('users').retryBudget).toBe(0)
    await service.lb.close()
  })

  it('makes no instance unhealthy whose check waits for its answer', async () => {
    const service = new PausedService(four, {
      healthCheck: {
        timeoutMs: 1_000,
        unhealthyThreshold: 1,
        probe: () =>
          new Promise((resolve) => {
            service.clock.setTimeout(() => service.clock.setTimeout(() => resolve(true), 0), 10)
          }),
      },
    })
    await service.run(50)
    for (let each = 0; each < 40; each++) {
      await service.clock.advance(500)
      await service.clock.pause(5_000)
    }
    expect(service.eventsOf('instance-health-changed').filter(({ status }) => status === 'unhealthy')).toEqual([])
    await service.lb.close()
  })

  it.each([
    [3_000, 2, 3],
    [60_000, 2, 3],
    [hours8, 2, 3],
    [60_000, 4, 5],
  ])('of %i ms is no latency of the %i instances of %i that had answered meanwhile', async (pauseMs, waiting, size) => {
    const service = new PausedService([...four, 'e:1'].slice(0, size), { balancer: 'peak-ewma' })
    await service.run(200)
    for (let each = 0; each < waiting; each++) service.call()
    await service.clock.advance(0)
    await service.clock.pause(pauseMs)
    await service.run(250)
    service.given = {}
    await service.run(1_000)
    expect(Math.max(...Object.values(service.given))).toBeLessThan(600)
    expect(service.failed).toEqual([])
  })

  it('is no latency of a request that is reported by `done` either', async () => {
    const service = new PausedService(four)
    const picked = await service.lb.acquire('users')
    const startMs = service.clock.now()
    await service.clock.advance(130)
    await service.clock.pause(5_000)
    picked.done({ ok: true, latencyMs: service.clock.now() - startMs })
    const [finished] = service.eventsOf('request-finished')
    // Of the 130 ms as much as was seen before the pause.
    expect(finished?.outcome.latencyMs).toBeGreaterThanOrEqual(100)
    expect(finished?.outcome.latencyMs).toBeLessThanOrEqual(130)
  })

  it('does not keep a time limit from passing when no answer comes', async () => {
    const service = new ObservedLoadBalancer(['a:1'])
    const call = service.lb
      .execute('users', () => new Promise(() => {}), { timeoutMs: 1_000 })
      .catch((error: unknown) => error)
    await service.clock.advance(500)
    await service.clock.pause(10_000)
    await service.clock.advance(520)
    await expect(call).resolves.toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
  })
})
