import { describe, expect, it } from 'vitest'
import { HealthChecker, type LoadBalancerOptions, parseInstance, type ServiceInstanceInit } from '../src/index.ts'
import { ObservedLoadBalancer, refused, timedOut } from './observed-load-balancer.ts'

/** A service whose instances are probed every second; those in `sick` fail. */
class ProbedService extends ObservedLoadBalancer {
  readonly sick: Set<string>
  readonly probed: string[]

  constructor(
    instances: readonly ServiceInstanceInit[],
    options: Partial<LoadBalancerOptions> = {},
    keepRemovedMs = 0,
  ) {
    const sick = new Set<string>()
    const probed: string[] = []
    super(instances, {
      outlierDetection: { jitter: 0 },
      healthCheck: {
        probe: ({ id }) => {
          probed.push(id)
          return sick.has(id) ? { healthy: false, reason: 'status 503' } : { healthy: true, reason: 'status 200' }
        },
        intervalMs: 1_000,
        idleIntervalMs: 1_000,
        jitter: 0,
        initialJitterMs: 0,
        healthyThreshold: 2,
        unhealthyThreshold: 2,
        keepRemovedMs,
      },
      ...options,
    })
    this.sick = sick
    this.probed = probed
  }

  static async create(
    instances: readonly ServiceInstanceInit[] = ['a:1', 'b:1', 'c:1'],
    options: Partial<LoadBalancerOptions> = {},
    keepRemovedMs = 0,
  ): Promise<ProbedService> {
    const service = new ProbedService(instances, options, keepRemovedMs)
    await service.lb.ready('users')
    await service.clock.advance(100)
    return service
  }

  picks(count: number): Set<string> {
    return new Set(Array.from({ length: count }, () => this.lb.pick('users').id))
  }

  async failing(id: string): Promise<void> {
    this.sick.add(id)
    await this.clock.advance(2_000)
  }
}

describe('an instance whose checks fail', () => {
  it('gets no pick, and is back after enough checks that pass', async () => {
    const service = await ProbedService.create()
    await service.failing('a:1')
    expect(service.states).toEqual({ 'a:1': 'unhealthy', 'b:1': 'available', 'c:1': 'available' })
    expect(service.picks(30)).toEqual(new Set(['b:1', 'c:1']))
    service.sick.clear()
    await service.clock.advance(1_000)
    expect(service.states['a:1']).toBe('unhealthy')
    await service.clock.advance(1_000)
    expect(service.states['a:1']).toBe('available')
    expect(service.picks(30)).toEqual(new Set(['a:1', 'b:1', 'c:1']))
  })

  it('is told and described: status, reason, since when', async () => {
    const service = await ProbedService.create()
    expect(service.lb.inspect('users').instances[0]?.activeCheck).toEqual({
      status: 'healthy',
      reason: 'status 200',
      forMs: 100,
    })
    await service.failing('a:1')
    await service.clock.advance(250)
    // The second failing probe was 350 ms ago.
    expect(service.lb.inspect('users').instances[0]).toMatchObject({
      state: 'unhealthy',
      reason: 'its checks fail: status 503',
      forMs: expect.any(Number),
      candidate: false,
      activeCheck: { status: 'unhealthy', reason: 'status 503', forMs: 350 },
    })
    expect(service.eventsOf('instance-health-changed').filter(({ instance }) => instance.id === 'a:1')).toEqual([
      expect.objectContaining({ status: 'healthy', reason: 'status 200' }),
      expect.objectContaining({ status: 'unhealthy', reason: 'status 503' }),
    ])
  })

  it('is used until its first check ended', async () => {
    const service = new ProbedService(['a:1'])
    expect(await service.lb.execute('users', async ({ id }) => id)).toBe('a:1')
    expect(service.lb.inspect('users').instances[0]?.activeCheck?.status).toBe('unknown')
  })

  it('is not healthy either when only the registry says so', async () => {
    const service = await ProbedService.create([{ host: 'a', port: 1, healthy: false }, 'b:1', 'c:1'])
    await service.clock.advance(5_000)
    expect(service.lb.inspect('users').instances[0]).toMatchObject({
      state: 'unhealthy',
      reason: 'the registry says it is unhealthy',
      activeCheck: { status: 'healthy' },
    })
  })

  it('that was ejected is back at once with the first check that passes again', async () => {
    const service = await ProbedService.create()
    const call = (): Promise<unknown> =>
      service.lb
        .execute(
          'users',
          async ({ id }) => {
            if (id === 'a:1') throw timedOut
          },
          { retry: false },
        )
        .catch(() => {})
    for (let each = 0; each < 15; each++) await call()
    expect(service.states['a:1']).toBe('ejected')
    await service.failing('a:1')
    expect(service.states['a:1']).toBe('ejected')
    service.sick.clear()
    await service.clock.advance(2_000)
    expect(service.states['a:1']).toBe('available')
    expect(service.eventsOf('instance-returned')).toEqual([expect.objectContaining({ by: 'active-check' })])
  })

  it('is not tried by a request while its checks fail, although its ejection is over', async () => {
    const service = await ProbedService.create()
    const tried: string[] = []
    const call = (idempotent: boolean): Promise<unknown> =>
      service.lb
        .execute(
          'users',
          async ({ id }) => {
            tried.push(id)
            if (id === 'a:1') throw refused
          },
          idempotent ? { idempotent } : { retry: false },
        )
        .catch(() => {})
    for (let each = 0; each < 15; each++) await call(false)
    await service.failing('a:1')
    await service.clock.advance(30_000)
    expect(service.states['a:1']).toBe('half-open')
    tried.length = 0
    for (let each = 0; each < 20; each++) await call(true)
    expect(tried).not.toContain('a:1')
  })
})

describe('an instance that is gone from the registry', () => {
  it('is kept for keepRemovedMs while its checks pass, then removed', async () => {
    const service = await ProbedService.create(undefined, {}, 10_000)
    service.discovery.set('users', ['b:1', 'c:1'])
    expect(service.eventsOf('instance-kept')).toEqual([expect.objectContaining({ forMs: 10_000 })])
    expect(service.picks(30)).toContain('a:1')
    await service.clock.advance(4_000)
    const kept = service.lb.inspect('users').instances.find(({ instance }) => instance.id === 'a:1')
    expect(kept).toMatchObject({
      state: 'available',
      reason: 'gone from the registry but passes its checks: kept for 6000 ms more',
    })
    await service.clock.advance(6_000)
    expect(service.states).not.toHaveProperty('a:1')
    expect(service.picks(30)).toEqual(new Set(['b:1', 'c:1']))
    service.probed.length = 0
    await service.clock.advance(5_000)
    expect(service.probed).not.toContain('a:1')
  })

  it('is removed at once when its checks fail, or were never made', async () => {
    const service = await ProbedService.create(undefined, {}, 10_000)
    await service.failing('a:1')
    service.discovery.set('users', ['b:1', 'c:1', 'd:1'])
    expect(service.states).not.toHaveProperty('a:1')
    service.discovery.set('users', ['b:1', 'c:1'])
    expect(service.states).not.toHaveProperty('d:1')
    expect(service.eventsOf('instance-kept')).toEqual([])
  })

  it('is removed as soon as its checks fail while it is kept; its requests finish', async () => {
    const service = await ProbedService.create(undefined, {}, 60_000)
    const picked = await service.lb.acquire('users', { avoid: new Set(['b:1', 'c:1']) })
    expect(picked.instance.id).toBe('a:1')
    service.discovery.set('users', ['b:1', 'c:1'])
    await service.failing('a:1')
    expect(service.states['a:1']).toBe('draining')
    expect(service.picks(30)).toEqual(new Set(['b:1', 'c:1']))
    picked.done({ ok: true, latencyMs: 1 })
    expect(service.states).not.toHaveProperty('a:1')
    expect(service.eventsOf('instance-drained')).toHaveLength(1)
  })

  it('is as before when it is listed again while it is kept', async () => {
    const service = await ProbedService.create(undefined, {}, 10_000)
    service.discovery.set('users', ['b:1', 'c:1'])
    await service.clock.advance(5_000)
    service.discovery.set('users', ['b:1', 'c:1', { host: 'a', port: 1, weight: 2 }])
    await service.clock.advance(60_000)
    const back = service.lb.inspect('users').instances.find(({ instance }) => instance.id === 'a:1')
    expect(back).toMatchObject({ state: 'available', reason: 'may be picked', effectiveWeight: 2 })
    expect(service.eventsOf('instance-kept')).toHaveLength(1)
  })

  it('is probed at its new address when it is listed again with one', async () => {
    const service = await ProbedService.create([{ id: 'x', host: 'a', port: 1 }, 'b:1', 'c:1'], {}, 10_000)
    service.discovery.set('users', ['b:1', 'c:1'])
    service.discovery.set('users', ['b:1', 'c:1', { id: 'x', host: 'other', port: 1 }])
    expect(service.lb.inspect('users').instances.find(({ instance }) => instance.id === 'x')).toMatchObject({
      activeCheck: { status: 'unknown' },
      instance: { host: 'other' },
    })
  })

  it('is kept also when the whole list is gone', async () => {
    const service = await ProbedService.create(['a:1'], { emptyGraceMs: 0 }, 10_000)
    service.discovery.set('users', [])
    expect(service.lb.pick('users').id).toBe('a:1')
    await service.clock.advance(10_000)
    expect(() => service.lb.pick('users')).toThrow(/no available instance/)
  })

  it('is not taken for gone when it only left the subset of this client', async () => {
    const subset = { size: 2, clientId: 'one' }
    const service = await ProbedService.create(undefined, { subset }, 10_000)
    const before = Object.keys(service.states)
    const more = Array.from({ length: 20 }, (_, index) => `n${index}:1`)
    service.discovery.set('users', ['a:1', 'b:1', 'c:1', ...more])
    await service.clock.advance(100)
    expect(Object.keys(service.states)).toHaveLength(2)
    expect(before).toHaveLength(2)
    expect(service.eventsOf('instance-kept')).toEqual([])
  })

  it('leaves no timer after close, kept or not', async () => {
    const service = await ProbedService.create(undefined, {}, 10_000)
    service.discovery.set('users', ['b:1', 'c:1'])
    await service.lb.close()
    expect(service.clock.pendingTimers).toBe(0)
  })
})

describe('services that share an address', () => {
  it('share one set of probes, and each sees what they find', async () => {
    const service = new ProbedService(['a:1', 'b:1'], { services: { users: {}, orders: {} } })
    service.discovery.set('orders', [{ id: 'orders-a', host: 'a', port: 1 }, 'c:1'])
    await service.lb.ready('users')
    await service.lb.ready('orders')
    await service.clock.advance(3_100)
    // At 0, 1 000, 2 000 and 3 000 ms.
    expect(service.probed.filter((id) => ['a:1', 'orders-a'].includes(id))).toHaveLength(4)
    service.sick.add('a:1').add('orders-a')
    await service.clock.advance(2_000)
    expect(service.states['a:1']).toBe('unhealthy')
    expect(service.lb.inspect('orders').instances[0]?.state).toBe('unhealthy')
    await service.lb.close()
    expect(service.clock.pendingTimers).toBe(0)
  })

  it('keep a checker that was given to them after close', async () => {
    const probed: string[] = []
    const service = new ObservedLoadBalancer(['a:1'])
    const checker = new HealthChecker({
      clock: service.clock,
      probe: ({ id }) => {
        probed.push(id)
        return true
      },
    })
    const shared = new ObservedLoadBalancer(['a:1'], { healthCheck: checker, clock: service.clock })
    await shared.lb.ready('users')
    await shared.lb.close()
    expect(service.clock.pendingTimers).toBe(0)
    expect(checker.watch(parseInstance('a:1'), () => {}).state.reason).toBe('not probed yet')
    checker.close()
  })
})

describe('a check that passes', () => {
  async function ejected(failure: unknown): Promise<ProbedService> {
    const service = await ProbedService.create()
    let failing = true
    const attempt = async ({ id }: { readonly id: string }): Promise<Response> => {
      if (!failing || id !== 'a:1') return new Response('ok')
      if (failure instanceof Response) return new Response(null, { status: failure.status })
      throw failure
    }
    while (service.states['a:1'] !== 'ejected') {
      await service.settle(service.lb.execute('users', attempt, { idempotent: true }), 1)
    }
    failing = false
    return service
  }

  it('ends an ejection for want of a connection at once', async () => {
    const service = await ejected(refused)
    await service.clock.advance(1_100)
    expect(service.states['a:1']).toBe('available')
    expect(service.eventsOf('instance-returned')).toMatchObject([{ by: 'active-check', instance: { id: 'a:1' } }])
  })

  it('ends no ejection for bad answers: who fails requests may well pass its checks', async () => {
    const service = await ejected(new Response(null, { status: 500 }))
    await service.clock.advance(20_000)
    expect(service.states['a:1']).toBe('ejected')
  })
})
