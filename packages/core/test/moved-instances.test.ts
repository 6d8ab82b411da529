import { describe, expect, it } from 'vitest'
import type { LoadBalancerOptions, Outcome, PickResult, ServiceInstanceInit } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const ok: Outcome = { ok: true, latencyMs: 5 }

function at(host: string): ServiceInstanceInit[] {
  return [
    { id: 'web-0', host, port: 80 },
    { id: 'web-1', host: '10.0.0.2', port: 80 },
    { id: 'web-2', host: '10.0.0.3', port: 80 },
  ]
}

/** Three instances, the first of which is at 10.0.0.1. */
function atOld(options: Partial<LoadBalancerOptions> = {}): ObservedLoadBalancer {
  return new ObservedLoadBalancer(at('10.0.0.1'), options)
}

function move(observed: ObservedLoadBalancer, host = '10.0.9.9'): void {
  observed.discovery.set('users', at(host))
}

/** `count` requests in flight on the first instance; those on others end. */
async function held(observed: ObservedLoadBalancer, count: number): Promise<PickResult[]> {
  const requests: PickResult[] = []
  while (requests.length < count) {
    const request = await observed.lb.acquire('users')
    if (request.instance.id === 'web-0') requests.push(request)
    else request.done(ok)
  }
  return requests
}

function snapshotAt(observed: ObservedLoadBalancer, host: string): unknown {
  return observed.lb.inspect('users').instances.find(({ instance: { host: each } }) => each === host)
}

describe('an instance whose id stays and whose address changes', () => {
  it('is told as one that was removed and one that was added', async () => {
    const observed = atOld()
    await observed.lb.ready('users')
    observed.events.length = 0
    move(observed)
    expect(observed.eventsOf('instances-changed')).toMatchObject([
      {
        added: [{ id: 'web-0', host: '10.0.9.9' }],
        removed: [{ id: 'web-0', host: '10.0.0.1' }],
        updated: [],
        total: 3,
      },
    ])
  })

  it('does not wait for the end of its predecessor’s ejection', async () => {
    const observed = atOld()
    for (const request of await held(observed, 5)) request.done({ ok: false, latencyMs: 1, error: refused })
    expect(observed.states['web-0']).toBe('ejected')
    move(observed)
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({ state: 'available', candidate: true, ejections: 0 })
    const hosts = Array.from({ length: 3 }, () => observed.lb.pick('users').host)
    expect(hosts).toContain('10.0.9.9')
  })

  it('does not keep its predecessor’s place below the cap of ejections', async () => {
    const observed = atOld()
    for (const request of await held(observed, 5)) request.done({ ok: false, latencyMs: 1, error: refused })
    move(observed)
    for (let failures = 0; failures < 5; ) {
      const request = await observed.lb.acquire('users')
      const fails = request.instance.id === 'web-1'
      request.done(fails ? { ok: false, latencyMs: 1, error: refused } : ok)
      if (fails) failures++
    }
    expect(observed.states).toMatchObject({ 'web-0': 'available', 'web-1': 'ejected' })
  })

  it.each<[string, Partial<Outcome>]>([
    ['refusals', { error: refused }],
    ['resets', { error: reset }],
    ['responses of 503', { statusCode: 503 }],
  ])('is not charged with %s of its predecessor', async (_, failure) => {
    const observed = atOld()
    const requests = await held(observed, 5)
    move(observed)
    for (const request of requests) request.done({ ok: false, latencyMs: 5, ...failure })
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({ state: 'available', failed: 0 })
    expect(observed.eventsOf('instance-ejected')).toEqual([])
  })

  it('counts its own requests in flight only, and its predecessor drains', async () => {
    const observed = atOld({ maxInFlightPerInstance: 2 })
    const [first, second] = (await held(observed, 2)) as [PickResult, PickResult]
    move(observed)
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({ inFlight: 0 })
    expect(snapshotAt(observed, '10.0.0.1')).toMatchObject({ inFlight: 2, state: 'draining', candidate: false })
    expect(observed.inFlight).toBe(2)
    const [moved] = (await held(observed, 1)) as [PickResult]
    expect(moved.instance.host).toBe('10.0.9.9')
    first.done(ok)
    expect(observed.eventsOf('instance-drained')).toEqual([])
    second.done(ok)
    expect(observed.eventsOf('instance-drained')).toMatchObject([{ instance: { id: 'web-0', host: '10.0.0.1' } }])
    expect(snapshotAt(observed, '10.0.0.1')).toBeUndefined()
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({ inFlight: 1 })
    moved.done(ok)
    expect(observed.inFlight).toBe(0)
  })

  it('has its requests in flight again when it moves back before they end', async () => {
    const observed = atOld()
    const [request] = (await held(observed, 1)) as [PickResult]
    move(observed)
    move(observed, '10.0.0.1')
    expect(observed.lb.inspect('users').instances).toHaveLength(3)
    expect(snapshotAt(observed, '10.0.0.1')).toMatchObject({ inFlight: 1, state: 'available' })
    request.done(ok)
    expect(snapshotAt(observed, '10.0.0.1')).toMatchObject({ inFlight: 0 })
    expect(observed.eventsOf('instance-drained')).toEqual([])
  })

  it('has no learnt weight, and a late report of its predecessor gives it none', async () => {
    const observed = atOld({ loadReports: { blackoutMs: 0, updateMs: 100 } })
    const report = { cpuUtilization: 0.5, rpsFractional: 100 }
    const half = { cpuUtilization: 1, rpsFractional: 100 }
    const [early, late] = (await held(observed, 2)) as [PickResult, PickResult]
    early.done({ ...ok, loadReport: half })
    for (let each = 0; each < 6; each++) {
      const request = await observed.lb.acquire('users')
      request.done({ ...ok, loadReport: request.instance.id === 'web-0' ? half : report })
    }
    await observed.clock.advance(200)
    ;(await observed.lb.acquire('users')).done(ok)
    expect(snapshotAt(observed, '10.0.0.1')).toMatchObject({ effectiveWeight: 0.5 })
    move(observed)
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({ effectiveWeight: 1 })
    late.done({ ...ok, loadReport: half })
    await observed.clock.advance(200)
    ;(await observed.lb.acquire('users')).done(ok)
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({ effectiveWeight: 1 })
  })

  it('is unknown to active checks, which probe its own address', async () => {
    const probed: string[] = []
    const observed = atOld({
      healthCheck: {
        probe: ({ host }) => {
          probed.push(host)
          return { healthy: host !== '10.0.0.1', reason: 'as it is' }
        },
      },
    })
    await observed.lb.ready('users')
    await observed.clock.advance(60_000)
    expect(observed.states['web-0']).toBe('unhealthy')
    probed.length = 0
    move(observed)
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({
      state: 'available',
      activeCheck: { status: 'unknown' },
    })
    await observed.clock.advance(10_000)
    expect(probed).toContain('10.0.9.9')
    expect(probed).not.toContain('10.0.0.1')
    await observed.lb.close()
    expect(observed.clock.pendingTimers).toBe(0)
  })

  it('starts slowly, as a newcomer does', async () => {
    const observed = atOld({ slowStart: { windowMs: 10_000, minimum: 0.1 } })
    await observed.lb.ready('users')
    move(observed)
    expect(snapshotAt(observed, '10.0.9.9')).toMatchObject({ effectiveWeight: 0.1 })
  })

  it('is not kept at its old address, although that passes its checks', async () => {
    const observed = atOld({ healthCheck: { probe: () => true, keepRemovedMs: 60_000 } })
    await observed.lb.ready('users')
    await observed.clock.advance(10_000)
    move(observed)
    expect(observed.eventsOf('instance-kept')).toEqual([])
    expect(snapshotAt(observed, '10.0.0.1')).toBeUndefined()
    await observed.lb.close()
    expect(observed.clock.pendingTimers).toBe(0)
  })
})

describe('the peak EWMA of an instance whose address changes', () => {
  it('is not that of its predecessor', async () => {
    const observed = atOld({ balancer: 'peak-ewma' })
    const slow = (await held(observed, 1))[0] as PickResult
    slow.done({ ok: true, latencyMs: 30_000 })
    for (let each = 0; each < 10; each++) (await observed.lb.acquire('users')).done({ ok: true, latencyMs: 1 })
    expect(observed.lb.pick('users').id).not.toBe('web-0')
    move(observed)
    // Nothing is known of it, so it is tried soon.
    const hosts = new Set<string>()
    for (let each = 0; each < 60; each++) {
      const picked = await observed.lb.acquire('users')
      hosts.add(picked.instance.host)
      picked.done({ ok: true, latencyMs: 1 })
    }
    expect(hosts).toContain('10.0.9.9')
  })
})
