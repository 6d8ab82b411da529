import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { BalancerName, ExecuteOptions, LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

interface Served {
  readonly id: string
  readonly atMs: number
}

/** Instances that answer after `latencyMs`, but for those that are down: they refuse. */
class RestartingService extends ObservedLoadBalancer {
  readonly down: Set<string> = new Set()
  readonly served: Served[] = []
  readonly failed: unknown[] = []
  latencyMs = 5
  /** How long the body of an answer takes after its head. */
  bodyMs = 0
  status = 200
  readonly #cut = new Set<() => void>()

  constructor(count: number, options: Partial<LoadBalancerOptions> = {}) {
    super(
      Array.from({ length: count }, (_, index) => `i${index}:1`),
      { random: seededRandom(1), ...options },
    )
  }

  /** It ends what it was doing with a reset, and refuses from now on. */
  kill(id: string): void {
    this.down.add(id)
    for (const cut of Array.from(this.#cut)) cut()
  }

  start(id: string): void {
    this.down.delete(id)
  }

  call(options: ExecuteOptions<Response> = {}): void {
    this.lb
      .execute<Response>(
        'users',
        ({ id }, context) =>
          new Promise((resolve, reject) => {
            if (this.down.has(id)) {
              reject(refused)
              return
            }
            const cut = (): void => {
              if (this.down.has(id)) reject(reset)
            }
            this.#cut.add(cut)
            context.onInterrupt(reject)
            this.clock.setTimeout(() => {
              this.#cut.delete(cut)
              if (this.bodyMs > 0)
                context.until(new Promise((end) => this.clock.setTimeout(() => end(id), this.bodyMs)))
              resolve(new Response(null, { status: this.status }))
              this.served.push({ id, atMs: this.clock.now() })
            }, this.latencyMs)
          }),
        options,
      )
      .catch((error: unknown) => this.failed.push(error))
  }

  async run(forMs: number, everyMs: number, options: ExecuteOptions<Response> = {}): Promise<void> {
    for (let passed = 0; passed < forMs; passed += everyMs) {
      this.call(options)
      await this.clock.advance(everyMs)
    }
  }

  servedSince(id: string, sinceMs: number): number {
    return this.served.filter((each) => each.id === id && each.atMs >= sinceMs).length
  }
}

describe('an instance that was down and is back', () => {
  const balancers: BalancerName[] = ['round-robin', 'least-request', 'peak-ewma']
  it.each(balancers.flatMap((balancer) => [true, false].map((idempotent) => [balancer, idempotent] as const)))(
    'has its share within 2 s after 10 s, and no call fails (%s, idempotent: %s)',
    async (balancer, idempotent) => {
      const service = new RestartingService(3, { balancer })
      await service.run(2_000, 20, { idempotent })
      service.down.add('i0:1')
      await service.run(10_000, 20, { idempotent })
      service.start('i0:1')
      await service.run(2_000, 20, { idempotent })
      const backMs = service.clock.now()
      await service.run(6_000, 20, { idempotent })
      // 300 calls, of which a third is its share.
      expect(service.servedSince('i0:1', backMs)).toBeGreaterThan(balancer === 'peak-ewma' ? 30 : 90)
      expect(service.failed).toEqual([])
    },
  )

  it('has its share within an eighth of the outage', async () => {
    const service = new RestartingService(3)
    await service.run(1_000, 20, { idempotent: true })
    service.down.add('i0:1')
    await service.run(80_000, 20, { idempotent: true })
    service.start('i0:1')
    await service.run(10_500, 20, { idempotent: true })
    const backMs = service.clock.now()
    await service.run(3_000, 20, { idempotent: true })
    expect(service.servedSince('i0:1', backMs)).toBeGreaterThan(45)
    expect(service.failed).toEqual([])
    // One try in a while, not one for each of 4 000 calls.
    expect(service.eventsOf('instance-ejected').length).toBeLessThan(40)
  })

  it('is back before the next one restarts, so that a rolling restart loses no call', async () => {
    const service = new RestartingService(4)
    service.latencyMs = 50
    await service.run(2_000, 10, { idempotent: true })
    for (const id of ['i0:1', 'i1:1', 'i2:1', 'i3:1']) {
      service.kill(id)
      await service.run(5_000, 10, { idempotent: true })
      service.start(id)
      await service.run(2_000, 10, { idempotent: true })
      const backMs = service.clock.now()
      await service.run(1_000, 10, { idempotent: true })
      expect(service.servedSince(id, backMs), id).toBeGreaterThan(20)
    }
    expect(service.failed).toEqual([])
  })

  it.each([
    ['answers of 5 s', 5_000, 0],
    ['answers of 40 s', 40_000, 0],
    ['answers of 2 minutes', 120_000, 0],
    ['heads at once and bodies of 40 s', 5, 40_000],
    ['heads at once and bodies of 2 minutes', 5, 120_000],
  ])('is back to its share with %s', async (_, latencyMs, bodyMs) => {
    const service = new RestartingService(3)
    const longestMs = Math.max(latencyMs, bodyMs, 60_000)
    service.latencyMs = latencyMs
    service.bodyMs = bodyMs
    service.down.add('i0:1')
    await service.run(60_000, 1_000, { idempotent: true })
    service.start('i0:1')
    await service.run(3 * longestMs, 1_000, { idempotent: true })
    const sinceMs = service.clock.now() + latencyMs
    await service.run(120_000, 1_000, { idempotent: true })
    await service.clock.advance(latencyMs)
    // 120 calls in these 2 minutes.
    expect(service.servedSince('i0:1', sinceMs)).toBeGreaterThan(35)
    expect(service.states['i0:1']).toBe('available')
    expect(service.failed).toEqual([])
  })

  it('is judged by the head of its answer, also a bad one, and once', async () => {
    const service = new RestartingService(3, { retry: false, outlierDetection: { jitter: 0 } })
    service.down.add('i0:1')
    await service.run(300, 10)
    expect(service.states['i0:1']).toBe('ejected')
    service.start('i0:1')
    service.status = 500
    service.bodyMs = 60_000
    await service.run(1_500, 500, { idempotent: true, retry: { maxRetries: 1, statusCodes: [] } })
    expect(service.eventsOf('instance-ejected').map(({ reason }) => reason)).toEqual([
      'consecutive-connect-errors',
      'failed-probe',
    ])
  })
})

describe('an instance whose answers take long after their heads', () => {
  it('is not ejected for server errors between which others began well', async () => {
    const service = new RestartingService(2, { retry: false })
    service.bodyMs = 60_000
    for (let round = 0; round < 20; round++) {
      service.status = 500
      await service.run(40, 10)
      service.status = 200
      await service.run(40, 10)
    }
    expect(service.eventsOf('instance-ejected')).toEqual([])
  })

  it('is not throttled for failures while others began well', async () => {
    const service = new RestartingService(2, { retry: false, throttle: {} })
    service.bodyMs = 600_000
    for (let round = 0; round < 100; round++) {
      service.status = 503
      await service.run(10, 10)
      service.status = 200
      await service.run(30, 10)
    }
    expect(service.eventsOf('call-refused')).toEqual([])
  })
})
