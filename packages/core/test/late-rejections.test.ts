import { settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { criticalityOf } from '../src/authoring.ts'
import { messageOf } from '../src/base/error-message.ts'
import {
  type Balancer,
  type CallObserver,
  LoadBalancer,
  type LoadBalancerEvent,
  RoundRobinBalancer,
  type ServiceDiscovery,
  StaticDiscovery,
} from '../src/index.ts'
import { ObservedLoadBalancer } from './observed-load-balancer.ts'

// An unhandled rejection fails the run.

const later = (message: string): (() => void) =>
  (async () => {
    await Promise.resolve()
    throw new Error(message)
  }) as () => void

describe('code of the application that gives nothing, and is asynchronous', () => {
  it('a listener: the others get what it rejects with', async () => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['a:1'] }) })
    lb.subscribe(later('listener'))
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event))
    lb.subscribe(later('another listener'))
    await lb.ready('users')
    await settlePromises()
    const failed = events.filter(({ type }) => type === 'listener-failed')
    expect(failed.slice(0, 2)).toEqual([
      { type: 'listener-failed', error: new Error('listener') },
      { type: 'listener-failed', error: new Error('another listener') },
    ])
    await lb.close()
  })

  it('a balancer: it is emitted, and the call has its value', async () => {
    const inner = new RoundRobinBalancer({ start: 0 })
    const balancer = (): Balancer => ({
      update: (candidates) => {
        inner.update(candidates)
        return later('update')()
      },
      pick: () => inner.pick(),
      started: later('started'),
      finished: later('finished'),
    })
    const observed = new ObservedLoadBalancer(['a:1'], { balancer })
    expect(await observed.lb.execute('users', async () => 'value')).toBe('value')
    await settlePromises()
    expect(observed.eventsOf('callback-failed').map(({ callback, error }) => [callback, error])).toEqual([
      ['balancer.update', new Error('update')],
      ['balancer.started', new Error('started')],
      ['balancer.finished', new Error('finished')],
    ])
    await observed.lb.close()
  })

  it('an observer: it is emitted, and the call has its value', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const run = <T>(attempt: () => T): T => attempt()
    const attempt = { run, end: later('attempt') }
    const observers: readonly { readonly startCall: unknown }[] = [
      { startCall: later('startCall') },
      { startCall: () => ({ startAttempt: later('startAttempt'), end: later('call') }) },
      { startCall: () => ({ startAttempt: () => attempt, end: () => {} }) },
      { startCall: () => null },
      { startCall: () => ({ startAttempt: () => 7, end: () => {} }) },
    ]
    for (const observer of observers) observed.lb.observe(observer as CallObserver)
    expect(await observed.lb.execute('users', async () => 'value')).toBe('value')
    await settlePromises()
    const failed = observed.eventsOf('callback-failed')
    expect(new Set(failed.map(({ callback }) => callback))).toEqual(new Set(['observer']))
    const noAttempt = 'the observer must give undefined, or an object with end'
    const noCall = 'the observer must give undefined, or an object with startAttempt'
    expect(failed.map(({ error }) => messageOf(error)).toSorted()).toEqual(
      ['attempt', 'call', 'startAttempt', 'startCall', noAttempt, noAttempt, noCall, noCall].toSorted(),
    )
    await observed.lb.close()
  })

  it('a listener of interrupts: it is emitted', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const controller = new AbortController()
    const call = observed.lb.execute(
      'users',
      (_instance, context) => {
        context.onInterrupt(later('interrupt'))
        return new Promise(() => {})
      },
      { signal: controller.signal },
    )
    await settlePromises()
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await settlePromises()
    expect(observed.eventsOf('callback-failed')).toMatchObject([
      { callback: 'onInterrupt', error: new Error('interrupt') },
    ])
    await observed.lb.close()
  })

  it('the end of a watch: it is emitted as a failure of the discovery', async () => {
    const discovery: ServiceDiscovery = {
      getInstances: async () => ['a:1'],
      watch: (_service, observer) => {
        observer.next(['a:1'])
        return { close: later('watch') }
      },
    }
    const observed = new ObservedLoadBalancer([], { discovery })
    await observed.lb.ready('users')
    await observed.lb.close()
    await settlePromises()
  })
})

describe('an option that is a promise, since an async function gave it', () => {
  it.each([
    ['hashKey', 'a string'],
    ['match', 'an object of strings'],
    ['idempotent', 'a boolean'],
    ['criticality', 'one of critical, default, sheddable'],
    ['timeoutMs', 'a number of milliseconds'],
  ])('%s: the call is refused, and the rejection is handled', async (option, legal) => {
    const { lb } = new ObservedLoadBalancer(['a:1'])
    const given = (): object => ({ [option]: later(option)() })
    const isRefused = expect.objectContaining({
      code: 'LB_INVALID_OPTION',
      message: expect.stringMatching(new RegExp(`\\.${option} must be ${legal}.*, got a promise`)),
    })
    await expect(lb.execute('users', async () => 'value', given())).rejects.toEqual(isRefused)
    if (option !== 'idempotent' && option !== 'timeoutMs') {
      await expect(lb.acquire('users', given())).rejects.toEqual(isRefused)
      expect(() => lb.tryAcquire('users', given())).toThrow(isRefused)
    }
    await settlePromises()
    await lb.close()
  })

  it('the class of a request: it is refused', async () => {
    const rule = later('criticality') as () => undefined
    expect(() => criticalityOf(rule, {})).toThrow(
      'criticality must be one of critical, default, sheddable, got a promise (object)',
    )
    await settlePromises()
  })
})

/** Throws whatever is asked of it. */
function untouchable(): object {
  const refuse = (): never => {
    throw new Error('touched')
  }
  return new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse })
}

describe('a discovery that fails with', () => {
  it.each([
    ['undefined', undefined, 'the discovery failed without an error'],
    ['null', null, 'the discovery failed without an error'],
    ['an object without a prototype', Object.create(null), 'the discovery failed: an error that cannot be read'],
    ['what throws when it is looked at', untouchable(), 'the discovery failed: an error that cannot be read'],
  ])('%s says so', async (_what, thrown, said) => {
    const discovery: ServiceDiscovery = { getInstances: () => Promise.reject(thrown) }
    const observed = new ObservedLoadBalancer([], { discovery, firstListTimeoutMs: 1_000 })
    const ready = expect(observed.lb.ready('users')).rejects.toThrow(`it fails: users: ${said}`)
    await observed.clock.advance(2_000)
    await ready
    expect(observed.eventsOf('discovery-failed')[0]?.error.message).toBe(`users: ${said}`)
    await observed.lb.close()
  })
})
