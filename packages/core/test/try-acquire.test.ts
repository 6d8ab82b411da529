import { settlePromises } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LoadBalancer, OverloadedError, type PickResult, StaticDiscovery } from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']
const good = { ok: true, latencyMs: 1 }

describe('tryAcquire', () => {
  it('gives nothing before the first list, and begins to watch', async () => {
    const observed = new ObservedLoadBalancer([], { discovery: { getInstances: () => Promise.resolve(three) } })
    expect(observed.lb.tryAcquire('users')).toBeUndefined()
    await settlePromises()
    expect(observed.lb.tryAcquire('users')?.instance.id).toBe('a:1')
    expect(observed.inFlight).toBe(1)
  })

  it('counts as acquire does: in flight until done, once, with its outcome', async () => {
    const observed = new ObservedLoadBalancer(three)
    await observed.lb.ready('users')
    const picked = observed.lb.tryAcquire('users')
    picked?.done(good)
    picked?.done({ ok: false, latencyMs: 1, statusCode: 500 })
    expect([observed.inFlight, observed.finished]).toEqual([0, ['a:1']])
    const [{ succeeded, failed } = { succeeded: -1, failed: -1 }] = observed.lb.inspect('users').instances
    expect([succeeded, failed]).toEqual([1, 0])
  })

  it('heeds what is to be avoided', async () => {
    const observed = new ObservedLoadBalancer(three)
    await observed.lb.ready('users')
    expect(observed.lb.tryAcquire('users', { avoid: new Set(['a:1', 'c:1']) })?.instance.id).toBe('b:1')
  })

  it('gives nothing without room, and does not overtake a call that waits', async () => {
    const observed = new ObservedLoadBalancer(three, { maxInFlight: 1 })
    await observed.lb.ready('users')
    const first = observed.lb.tryAcquire('users')
    expect(observed.lb.tryAcquire('users')).toBeUndefined()
    const waiting = observed.lb.acquire('users')
    await settlePromises()
    first?.done(good)
    expect(observed.lb.tryAcquire('users')).toBeUndefined()
    expect((await waiting).instance.id).toBe('b:1')
  })

  it('gives nothing if every instance is full', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlightPerInstance: 1 })
    await observed.lb.ready('users')
    const first = observed.lb.tryAcquire('users')
    expect([observed.lb.tryAcquire('users'), observed.inFlight]).toEqual([undefined, 1])
    first?.done(good)
    expect(observed.lb.tryAcquire('users')?.instance.id).toBe('a:1')
  })

  it('throws when there is no instance, when the throttle refuses, and after close', async () => {
    const none = new ObservedLoadBalancer([], { emptyGraceMs: 0 })
    await none.lb.ready('users')
    expect(() => none.lb.tryAcquire('users')).toThrow(expect.objectContaining({ code: 'LB_NO_AVAILABLE_INSTANCE' }))
    const throttled = new ObservedLoadBalancer(three, { throttle: {}, outlierDetection: false })
    await throttled.lb.ready('users')
    const refuse = (): void => {
      for (;;) throttled.lb.tryAcquire('users')?.done({ ok: false, latencyMs: 1, statusCode: 503 })
    }
    expect(refuse).toThrow(OverloadedError)
    await throttled.lb.close()
    expect(() => throttled.lb.tryAcquire('users')).toThrow(expect.objectContaining({ code: 'LB_CLOSED' }))
  })

  it('names bad input', () => {
    const { lb } = new ObservedLoadBalancer(three)
    const request: object = null as never
    expect(() => lb.tryAcquire('users', request)).toThrow('request must be an object, got null')
    expect(() => lb.tryAcquire('')).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION' }))
  })

  it('keeps the same books as acquire, in any order, within every limit', async () => {
    const step = fc.constantFrom('try', 'acquire', 'done', 'done twice')
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, maxInFlight) => {
          const observed = new ObservedLoadBalancer(three, { maxInFlight, queue: { maxWaitMs: 1_000_000 } })
          await observed.lb.ready('users')
          const held: PickResult[] = []
          let begun = 0
          let waiting = 0
          const take = (picked: PickResult): void => {
            begun++
            held.push(picked)
          }
          for (const each of steps) {
            if (each === 'try') {
              const picked = observed.lb.tryAcquire('users')
              expect(picked === undefined).toBe(waiting > 0 || held.length >= maxInFlight)
              if (picked !== undefined) take(picked)
            } else if (each === 'acquire') {
              waiting++
              void observed.lb.acquire('users').then((picked) => {
                waiting--
                take(picked)
              })
            } else {
              const picked = held.shift()
              picked?.done(good)
              if (each === 'done twice') picked?.done(good)
            }
            await settlePromises()
            expect(observed.inFlight).toBe(held.length)
            expect(held.length).toBeLessThanOrEqual(maxInFlight)
          }
          expect(observed.finished.length).toBe(begun - held.length)
        },
      ),
      { seed: 20_240_607, numRuns: 60 },
    )
  })
})

describe('answered', () => {
  it('counts the latency when a response begins; the request stays in flight', async () => {
    const observed = new ObservedLoadBalancer(three)
    await observed.lb.ready('users')
    const picked = observed.lb.tryAcquire('users')
    picked?.answered({ ok: true, latencyMs: 5 })
    picked?.answered({ ok: false, latencyMs: 5 })
    expect(observed.inFlight).toBe(1)
    picked?.done({ ok: true, latencyMs: 5 })
    picked?.answered({ ok: true, latencyMs: 5 })
    expect([observed.inFlight, observed.finished]).toEqual([0, ['a:1']])
  })

  it('names what is no outcome', async () => {
    const observed = new ObservedLoadBalancer(three)
    await observed.lb.ready('users')
    const outcome: { ok: boolean; latencyMs: number } = null as never
    expect(() => observed.lb.tryAcquire('users')?.answered(outcome)).toThrow('PickResult.answered.outcome must be')
  })

  it('makes a stream without end no silent instance', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    await observed.lb.ready('users')
    for (let stream = 0; stream < 10; stream++) {
      observed.lb.tryAcquire('users', { avoid: new Set(['b:1']) })?.answered(good)
    }
    for (let second = 0; second < 30; second++) {
      for (let call = 0; call < 20; call++) observed.lb.tryAcquire('users', { avoid: new Set(['a:1']) })?.done(good)
      await observed.clock.advance(1_000)
    }
    expect(observed.states).toEqual({ 'a:1': 'available', 'b:1': 'available' })
  })
})

describe('hold', () => {
  it('keeps a service that the discovery does not know, and forgets it when the last hold ends', async () => {
    const discovery = new StaticDiscovery({})
    const lb = new LoadBalancer({ discovery })
    const events: string[] = []
    lb.subscribe(({ type }) => events.push(type))
    const release = lb.hold('later')
    const releaseToo = lb.hold('later')
    await settlePromises()
    expect([lb.inspect().map(({ service }) => service), events]).toEqual([['later'], []])
    release()
    release()
    expect(lb.inspect()).toHaveLength(1)
    releaseToo()
    expect([lb.inspect(), events]).toEqual([[], ['service-released']])
  })

  it('keeps a service that came to be known', async () => {
    const discovery = new StaticDiscovery({})
    const lb = new LoadBalancer({ discovery })
    const release = lb.hold('later')
    await settlePromises()
    discovery.set('later', ['a:1'])
    await settlePromises()
    expect(lb.tryAcquire('later')?.instance.id).toBe('a:1')
    release()
    expect(lb.inspect()).toHaveLength(1)
  })

  it('is not given up for another service', async () => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ a: ['a:1'], b: ['b:1'] }), maxServices: 1 })
    const release = lb.hold('a')
    await settlePromises()
    expect(() => lb.hold('b')).toThrow(expect.objectContaining({ code: 'LB_NO_AVAILABLE_INSTANCE' }))
    release()
    expect(lb.hold('b')).toBeTypeOf('function')
  })

  it('ends with the load balancer', async () => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({}) })
    const release = lb.hold('later')
    await lb.close()
    expect(release).not.toThrow()
    expect(() => lb.hold('later')).toThrow(expect.objectContaining({ code: 'LB_CLOSED' }))
  })
})
