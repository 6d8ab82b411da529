import { describe, expect, it } from 'vitest'
import type { ExecuteOptions, LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer, refused, timedOut } from './observed-load-balancer.ts'

const idempotent: ExecuteOptions = { idempotent: true }

/** Three instances; requests on `a:1` time out, it was ejected for 30 s, and is half-open now. */
class HalfOpenService extends ObservedLoadBalancer {
  failing = true
  readonly tried: string[] = []

  constructor(options: Partial<LoadBalancerOptions> = {}) {
    super(['a:1', 'b:1', 'c:1'], { outlierDetection: { jitter: 0 }, ...options })
  }

  static async create(options: Partial<LoadBalancerOptions> = {}): Promise<HalfOpenService> {
    const service = new HalfOpenService(options)
    for (let call = 0; call < 15; call++) await service.call({ retry: false }).catch(() => {})
    await service.clock.advance(30_000)
    expect(service.states['a:1']).toBe('half-open')
    service.tried.length = 0
    return service
  }

  call(options: ExecuteOptions = {}, delayMs = 0): Promise<string> {
    return this.lb.execute(
      'users',
      async ({ id }) => {
        this.tried.push(id)
        if (delayMs > 0) await new Promise<void>((resolve) => this.clock.setTimeout(resolve, delayMs))
        if (id === 'a:1' && this.failing) throw timedOut
        return id
      },
      options as ExecuteOptions<string>,
    )
  }

  get probes(): number {
    return this.tried.filter((id) => id === 'a:1').length
  }
}

describe('an instance whose ejection is over', () => {
  it('is tried by exactly one of many concurrent calls, and is back when that went well', async () => {
    const service = await HalfOpenService.create()
    service.failing = false
    const calls = Array.from({ length: 50 }, () => service.call(idempotent, 100))
    await service.clock.advance(50)
    expect(service.probes).toBe(1)
    expect(service.states['a:1']).toBe('half-open')
    await service.settle(Promise.all(calls), 100)
    expect(service.states['a:1']).toBe('available')
    expect(service.eventsOf('instance-half-open')).toHaveLength(1)
    expect(service.eventsOf('instance-returned')).toEqual([expect.objectContaining({ by: 'probe' })])
    service.tried.length = 0
    for (let call = 0; call < 30; call++) await service.call()
    expect(service.probes).toBe(10)
  })

  it('goes out for longer when the probe fails, and the call succeeds elsewhere', async () => {
    const service = await HalfOpenService.create()
    const given = await service.settle(service.call(idempotent), 0)
    expect(['b:1', 'c:1']).toContain(given)
    expect(service.tried[0]).toBe('a:1')
    expect(service.eventsOf('instance-ejected').at(-1)).toMatchObject({
      reason: 'failed-probe',
      forMs: 60_000,
      times: 2,
      enforced: true,
    })
    await service.clock.advance(59_999)
    expect(service.states['a:1']).toBe('ejected')
    await service.clock.advance(1)
    expect(service.states['a:1']).toBe('half-open')
    expect(service.lb.inspect('users').instances[0]?.ejections).toBe(2)
  })

  it('is not tried by a call that may not be repeated, nor by a retry, nor by one without retries', async () => {
    const service = await HalfOpenService.create()
    for (let call = 0; call < 20; call++) await service.call({ idempotent: false })
    for (let call = 0; call < 20; call++) await service.call({ idempotent: true, retry: false })
    expect(service.probes).toBe(0)
    // Its probe is out, so the first attempts go elsewhere; their retries must not end up on it either.
    const attempts: string[] = []
    const call = service.lb.execute(
      'users',
      async ({ id }, { number }) => {
        attempts.push(`${number} ${id}`)
        if (id !== 'a:1' || number > 1) throw refused
        return id
      },
      { idempotent: false },
    )
    await service.settle(call).catch(() => {})
    expect(attempts.filter((attempt) => attempt.endsWith('a:1'))).toEqual([])
  })

  it('is tried by any call after 10 s in which no harmless one came', async () => {
    const service = await HalfOpenService.create()
    service.failing = false
    await service.clock.advance(9_999)
    await service.call()
    expect(service.probes).toBe(0)
    await service.clock.advance(1)
    await service.call()
    expect(service.probes).toBe(1)
    expect(service.states['a:1']).toBe('available')
  })

  it('is tried by any call at once when nobody else is left', async () => {
    const service = await HalfOpenService.create({ panic: false })
    service.failing = false
    const others = ['b', 'c'].map((host) => ({ host, port: 1, healthy: false }))
    service.discovery.set('users', ['a:1', ...others])
    expect(await service.call()).toBe('a:1')
    expect(service.states['a:1']).toBe('available')
  })

  it('is not tried while it is drained, or the registry calls it unhealthy', async () => {
    const service = await HalfOpenService.create()
    for (const fields of [{ weight: 0 }, { healthy: false }]) {
      service.discovery.set('users', [{ host: 'a', port: 1, ...fields }, 'b:1', 'c:1'])
      for (let call = 0; call < 20; call++) await service.call(idempotent)
      expect(service.probes).toBe(0)
    }
    service.discovery.set('users', ['a:1', 'b:1', 'c:1'])
    service.failing = false
    expect(await service.call(idempotent)).toBe('a:1')
  })

  it('is not tried by a call that avoids it', async () => {
    const service = await HalfOpenService.create()
    await service.call({ idempotent: true, avoid: new Set(['a:1']) })
    expect(service.probes).toBe(0)
  })

  it('is not tried beyond its limit of requests in flight', async () => {
    const service = await HalfOpenService.create({ maxInFlightPerInstance: 1 })
    service.failing = false
    // In panic it gets requests that are no probes.
    const sick = ['b', 'c'].map((host) => ({ host, port: 1, healthy: false }))
    service.discovery.set('users', ['a:1', ...sick])
    const others = new Set(['b:1', 'c:1'])
    const slow = service.call({ retry: false, avoid: others }, 1_000)
    await service.clock.advance(0)
    expect(service.probes).toBe(1)
    for (let call = 0; call < 10; call++) expect(await service.call(idempotent)).not.toBe('a:1')
    await service.settle(slow, 1_000)
    expect(service.states['a:1']).toBe('half-open')
    expect(await service.call(idempotent)).toBe('a:1')
    expect(service.states['a:1']).toBe('available')
  })

  it('may be tried by another call when the caller of the probe went away', async () => {
    const service = await HalfOpenService.create()
    service.failing = false
    const controller = new AbortController()
    const probe = service.call({ idempotent: true, signal: controller.signal }, 1_000)
    probe.catch(() => {})
    await service.clock.advance(10)
    controller.abort()
    await service.clock.advance(0)
    expect(service.states['a:1']).toBe('half-open')
    expect(await service.call(idempotent)).toBe('a:1')
    expect(service.states['a:1']).toBe('available')
  })

  it('is judged by nothing but its probe: not by requests sent before', async () => {
    const service = new HalfOpenService()
    service.failing = false
    const slow = Array.from({ length: 3 }, () => service.call({ retry: false }, 40_000))
    await service.clock.advance(0)
    service.failing = true
    for (let call = 0; call < 15; call++) await service.call({ retry: false }).catch(() => {})
    expect(service.states['a:1']).toBe('ejected')
    service.failing = false
    await service.clock.advance(30_000)
    expect(service.states['a:1']).toBe('half-open')
    await service.clock.advance(10_000)
    await Promise.all(slow)
    expect(service.states['a:1']).toBe('half-open')
  })

  it('is told in events without secrets', async () => {
    const service = new HalfOpenService()
    service.discovery.set('users', [{ host: 'a', port: 1, metadata: { note: 'public' } }, 'b:1', 'c:1'])
    const secret = Object.assign(new Error('authorization: Bearer s3cr3t'), { code: 'ECONNREFUSED' })
    for (let call = 0; call < 15; call++) {
      await service.lb
        .execute(
          'users',
          async ({ id }) => {
            if (id === 'a:1') throw secret
          },
          { retry: false },
        )
        .catch(() => {})
    }
    await service.clock.advance(30_000)
    const told = service.events.filter(({ type }) => /^instance-(?:ejected|half-open|returned)$/.test(type))
    expect(told).toHaveLength(2)
    expect(JSON.stringify(told)).not.toContain('s3cr3t')
    expect(JSON.stringify(service.lb.inspect())).not.toContain('s3cr3t')
  })
})
