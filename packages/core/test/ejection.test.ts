import { describe, expect, it } from 'vitest'
import type { ExecuteOptions, LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `i${index}:1`)

/** Calls of which those on the instances in `bad` end with what is given for them. */
class FailingService extends ObservedLoadBalancer {
  /** An error to throw, or a status to answer with. */
  readonly bad: Map<string, unknown> = new Map()
  readonly tried: string[] = []

  constructor(count: number, options: Partial<LoadBalancerOptions> = {}) {
    super(ids(count), { retry: false, outlierDetection: { jitter: 0 }, ...options })
  }

  async call(options: ExecuteOptions<Response> = {}): Promise<Response | undefined> {
    const call = this.lb.execute<Response>(
      'users',
      async ({ id }) => {
        this.tried.push(id)
        const outcome = this.bad.get(id)
        if (typeof outcome === 'number') return new Response(null, { status: outcome })
        if (outcome !== undefined) throw outcome
        return new Response(null, { status: 200 })
      },
      options,
    )
    return call.catch(() => undefined)
  }

  async calls(count: number, options: ExecuteOptions<Response> = {}): Promise<void> {
    for (let call = 0; call < count; call++) await this.call(options)
  }

  get ejected(): string[] {
    return Object.entries(this.states)
      .filter(([, state]) => state === 'ejected')
      .map(([id]) => id)
  }
}

/** Three instances of which the first is ejected, for 1 s. */
async function ejectedFirst(options: Partial<LoadBalancerOptions> = {}): Promise<FailingService> {
  const service = new FailingService(3, options)
  service.bad.set('i0:1', refused)
  await service.calls(15)
  expect(service.ejected).toEqual(['i0:1'])
  service.tried.length = 0
  return service
}

describe('an instance that fails', () => {
  it('is ejected after 5 connect errors in a row, and gets no pick any more', async () => {
    const service = new FailingService(3)
    service.bad.set('i0:1', refused)
    await service.calls(12)
    expect(service.ejected).toEqual([])
    await service.calls(1)
    expect(service.ejected).toEqual(['i0:1'])
    service.tried.length = 0
    await service.calls(100)
    expect(service.tried).not.toContain('i0:1')
    for (let pick = 0; pick < 100; pick++) expect(service.lb.pick('users').id).not.toBe('i0:1')
    expect(service.eventsOf('instance-ejected')).toEqual([
      expect.objectContaining({
        service: 'users',
        instance: expect.objectContaining({ id: 'i0:1' }),
        reason: 'consecutive-connect-errors',
        detail: '5 connect errors in a row',
        enforced: true,
        forMs: 1_000,
        times: 1,
      }),
    ])
  })

  it('has its 5xx answers counted apart from its connect errors', async () => {
    const service = new FailingService(2)
    for (let round = 0; round < 4; round++) {
      service.bad.set('i0:1', refused)
      await service.calls(2)
      service.bad.set('i0:1', 500)
      await service.calls(2)
    }
    expect(service.ejected).toEqual([])
    await service.calls(2)
    expect(service.ejected).toEqual(['i0:1'])
    expect(service.eventsOf('instance-ejected')[0]?.reason).toBe('consecutive-server-errors')
  })

  it('is forgiven by one success', async () => {
    const two = new FailingService(2)
    for (let round = 0; round < 10; round++) {
      two.bad.set('i0:1', refused)
      await two.calls(8)
      two.bad.clear()
      await two.calls(2)
    }
    expect(two.ejected).toEqual([])
  })

  it.each([
    ['4xx answers', 404],
    ['429', 429],
    ['mistakes of the program', new TypeError('x is not a function')],
    ['aborts', new DOMException('gone', 'AbortError')],
  ])('is not blamed for %s', async (_, outcome) => {
    const service = new FailingService(2)
    service.bad.set('i0:1', outcome)
    await service.calls(100)
    expect(service.ejected).toEqual([])
    expect(service.eventsOf('instance-ejected')).toEqual([])
  })

  it('is not blamed when the caller goes away', async () => {
    const service = new FailingService(2)
    for (let call = 0; call < 40; call++) {
      const controller = new AbortController()
      const attempt = service.lb.execute('users', () => new Promise<never>(() => {}), { signal: controller.signal })
      attempt.catch(() => {})
      await service.clock.advance(1)
      // Whatever the reason: a transport's error may be given as one.
      controller.abort(refused)
      await service.clock.advance(1)
    }
    expect(service.inFlight).toBe(0)
    expect(service.eventsOf('instance-ejected')).toEqual([])
  })

  it('is blamed for what an application calls a failure, without an error', async () => {
    const service = new FailingService(2)
    service.bad.set('i0:1', 429)
    await service.calls(10, { classify: (result) => (result.ok ? { ok: result.value.status !== 429 } : undefined) })
    expect(service.eventsOf('instance-ejected')[0]?.reason).toBe('consecutive-server-errors')
  })

  it('is told and kept with enforce: false', async () => {
    const service = new FailingService(3, { outlierDetection: { enforce: false } })
    service.bad.set('i0:1', refused)
    await service.calls(30)
    expect(service.ejected).toEqual([])
    expect(service.eventsOf('instance-ejected')).toEqual([
      expect.objectContaining({ enforced: false, unenforcedBecause: 'not-enforcing', forMs: 0 }),
    ])
  })

  it('stays with outlierDetection: false', async () => {
    const service = new FailingService(3, { outlierDetection: false })
    service.bad.set('i0:1', refused)
    await service.calls(300)
    expect(service.ejected).toEqual([])
    // The last look at what waits.
    await service.clock.advance(125)
    expect(service.clock.pendingTimers).toBe(0)
  })

  it('is described by inspect: its state, since when, why', async () => {
    const service = await ejectedFirst()
    await service.clock.advance(500)
    const [first, second] = service.lb.inspect('users').instances
    expect(first).toMatchObject({
      state: 'ejected',
      reason: 'ejected: 5 connect errors in a row',
      forMs: 500,
      candidate: false,
      ejections: 1,
      effectiveWeight: 1,
      ejection: { reason: 'consecutive-connect-errors', detail: '5 connect errors in a row', endsInMs: 500 },
    })
    expect(first).not.toHaveProperty('activeCheck')
    expect(second).not.toHaveProperty('ejection')
    await service.clock.advance(500)
    expect(service.lb.inspect('users').instances[0]).toMatchObject({ state: 'half-open', ejection: { endsInMs: 0 } })
    expect(second).toMatchObject({ state: 'available', reason: 'may be picked', candidate: true, ejections: 0 })
  })
})

describe('how many are ejected', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('is at most one of %d, and never the last usable one', async (count) => {
    const service = new FailingService(count)
    for (const id of ids(count)) service.bad.set(id, 500)
    await service.calls(count * 20)
    expect(service.ejected).toHaveLength(count === 1 ? 0 : 1)
    const unenforced = service.eventsOf('instance-ejected').filter(({ enforced }) => !enforced)
    const because = count === 1 ? 'last-usable' : 'cap'
    expect(new Set(unenforced.map(({ unenforcedBecause }) => unenforcedBecause))).toEqual(new Set([because]))
    expect(service.lb.pick('users')).toBeDefined()
  })

  it('never takes out the last that neither registry nor checks speak against', async () => {
    const service = new FailingService(1)
    service.discovery.set('users', [
      'i0:1',
      { host: 'i1', port: 1, healthy: false },
      { host: 'i2', port: 1, weight: 0 },
    ])
    service.bad.set('i0:1', refused)
    await service.calls(40)
    expect(service.ejected).toEqual([])
    expect(service.eventsOf('instance-ejected')[0]).toMatchObject({ enforced: false, unenforcedBecause: 'last-usable' })
  })

  it('brings one back when removals leave too many out', async () => {
    const service = await ejectedFirst()
    service.discovery.set('users', ['i0:1'])
    expect(service.states).toEqual({ 'i0:1': 'available' })
    expect(service.eventsOf('instance-returned')).toEqual([expect.objectContaining({ by: 'removed-cap' })])
    expect(service.lb.pick('users').id).toBe('i0:1')
  })
})

describe('an update of the list', () => {
  it('keeps state, ejections and what is in flight', async () => {
    const service = await ejectedFirst()
    let finish: (value: string) => void = () => {}
    const pending = service.lb.execute('users', () => new Promise<string>((resolve) => (finish = resolve)))
    await service.clock.advance(100)
    const before = service.lb.inspect('users').instances.find(({ inFlight }) => inFlight === 1)?.instance.id
    service.discovery.set('users', ['i9:1', { host: 'i0', port: 1, weight: 3 }, 'i1:1', 'i2:1'])
    const snapshot = service.lb.inspect('users')
    expect(snapshot.instances.find(({ instance }) => instance.id === 'i0:1')).toMatchObject({
      state: 'ejected',
      forMs: 100,
      ejections: 1,
      effectiveWeight: 3,
    })
    expect(snapshot.instances.find(({ inFlight }) => inFlight === 1)?.instance.id).toBe(before)
    finish('done')
    expect(await pending).toBe('done')
    expect(service.inFlight).toBe(0)
    await service.clock.advance(29_900)
    expect(service.states['i0:1']).toBe('half-open')
  })

  it('forgets an instance that is gone: when it comes back it starts anew', async () => {
    const service = await ejectedFirst()
    service.discovery.set('users', ['i1:1', 'i2:1'])
    service.discovery.set('users', ['i0:1', 'i1:1', 'i2:1'])
    expect(service.states['i0:1']).toBe('available')
    expect(service.lb.inspect('users').instances.find(({ instance }) => instance.id === 'i0:1')?.ejections).toBe(0)
  })
})

describe('a listener that picks in the middle of an update', () => {
  // With load reports a pick looks at the instances themselves, not at what was settled last.
  it.each([{}, { loadReports: {} }])('does not bring back what was removed: %j', async (options) => {
    const service = await ejectedFirst(options)
    const held = await service.lb.acquire('users')
    service.lb.subscribe(({ type }) => {
      if (type === 'instance-returned') service.lb.pick('users')
    })
    service.discovery.set('users', ['i0:1'])
    expect(service.states).toEqual({ 'i0:1': 'available', [held.instance.id]: 'draining' })
    for (let pick = 0; pick < 20; pick++) expect(service.lb.pick('users').id).toBe('i0:1')
    held.done({ ok: true, latencyMs: 1 })
    expect(service.states).toEqual({ 'i0:1': 'available' })
    expect(service.eventsOf('instance-drained')).toHaveLength(1)
  })
})

describe('close', () => {
  it('leaves no timer of an ejection', async () => {
    const service = await ejectedFirst()
    await service.lb.close()
    expect(service.clock.pendingTimers).toBe(0)
  })
})
