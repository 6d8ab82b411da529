import { getEventListeners } from 'node:events'
import { settlePromises } from '@lb/testing'
import { describe, expect, it, vi } from 'vitest'
import type {
  AttemptFunction,
  Balancer,
  Classification,
  ExecuteOptions,
  Outcome,
  ServiceInstance,
} from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']

/** Round robin that notes for whom it was told `started` and `finished`. */
class NotingBalancer implements Balancer {
  readonly started_: string[] = []
  readonly finished_: { readonly id: string; readonly outcome: Outcome }[] = []
  #instances: readonly ServiceInstance[] = []
  #next = 0

  update(candidates: readonly ServiceInstance[]): void {
    this.#instances = [...candidates]
  }

  pick(): ServiceInstance | undefined {
    return this.#instances[this.#next++ % this.#instances.length]
  }

  started({ id }: ServiceInstance): void {
    this.started_.push(id)
  }

  finished({ id }: ServiceInstance, outcome: Outcome): void {
    this.finished_.push({ id, outcome })
  }
}

/** Something that settles when the test says so. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve: () => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

describe('an attempt is reported done exactly once', () => {
  const ignored = (): Promise<never> => new Promise(() => {})
  const abort = new AbortController()
  const endings: [string, AttemptFunction<unknown>, ExecuteOptions, boolean][] = [
    ['success', () => 1, {}, true],
    ['an HTTP error', () => new Response(null, { status: 500 }), {}, false],
    ['a client error', () => new Response(null, { status: 404 }), {}, true],
    ['a network error', () => Promise.reject(reset), {}, false],
    [
      'a synchronous throw',
      () => {
        throw reset
      },
      {},
      false,
    ],
    [
      'an abort',
      () => {
        abort.abort()
        return ignored()
      },
      { signal: abort.signal },
      false,
    ],
    ['the deadline', ignored, { timeoutMs: 100 }, false],
    ['its own time limit', ignored, { retry: { attemptTimeoutMs: 100, maxRetries: 0 } }, false],
  ]

  it.each(endings)('after %s', async (_, attempt, options, ok) => {
    const balancer = new NotingBalancer()
    const observed = new ObservedLoadBalancer(three, { balancer: () => balancer })
    await observed.settle(observed.lb.execute('users', attempt, options), 5_000).catch(() => {})
    expect(balancer.started_).toEqual(['a:1'])
    expect(balancer.finished_).toMatchObject([{ id: 'a:1', outcome: { ok } }])
    expect(observed.eventsOf('request-finished')).toMatchObject([{ service: 'users', outcome: { ok } }])
    expect(observed.inFlight).toBe(0)
    expect(observed.lb.inspect('users').instances[0]).toMatchObject(
      ok ? { succeeded: 1, failed: 0 } : { succeeded: 0, failed: 1 },
    )
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('after a classify that throws, which is no failure of the instance', async () => {
    const balancer = new NotingBalancer()
    const observed = new ObservedLoadBalancer(three, { balancer: () => balancer })
    const classify = (): never => {
      throw new Error('classify')
    }
    await expect(observed.lb.execute('users', () => 1, { classify })).rejects.toThrow('classify')
    expect(balancer.finished_).toMatchObject([{ id: 'a:1', outcome: { ok: false, blame: 'none' } }])
    expect(observed.lb.inspect('users').instances[0]).toMatchObject({ inFlight: 0, succeeded: 0, failed: 0 })
  })

  it('for each of the attempts of a call', async () => {
    const balancer = new NotingBalancer()
    const observed = new ObservedLoadBalancer(three, { balancer: () => balancer })
    const call = observed.lb.execute('users', async () => {
      throw refused
    })
    await observed.settle(call).catch(() => {})
    expect(balancer.started_).toEqual(three)
    expect(balancer.finished_.map(({ id }) => id)).toEqual(three)
    expect(observed.inFlight).toBe(0)
  })

  it('with how long it took, its status and its error', async () => {
    const observed = new ObservedLoadBalancer(three)
    const call = observed.lb.execute(
      'users',
      (_instance, { number }) =>
        new Promise<Response>((resolve, reject) => {
          observed.clock.setTimeout(
            () => (number === 1 ? reject(refused) : resolve(new Response(null, { status: 204 }))),
            number * 100,
          )
        }),
    )
    await observed.settle(call)
    expect(observed.eventsOf('request-finished').map(({ outcome }) => outcome)).toEqual([
      { ok: false, latencyMs: 100, error: refused },
      { ok: true, latencyMs: 200, statusCode: 204 },
    ])
  })

  it('before the next one starts', async () => {
    const observed = new ObservedLoadBalancer(three)
    const inFlight: number[] = []
    const call = observed.lb.execute('users', async () => {
      inFlight.push(observed.inFlight)
      throw refused
    })
    await observed.settle(call).catch(() => {})
    expect(inFlight).toEqual([1, 1, 1])
  })

  it('even if classify gives no classification', async () => {
    for (const classification of [{}, { ok: 'yes' }, 'ok', 7]) {
      const observed = new ObservedLoadBalancer(three)
      const classify = (): Classification => classification as unknown as Classification
      await observed
        .settle(
          observed.lb.execute('users', () => 1, { classify }),
          1_000,
        )
        .catch(() => {})
      expect(observed.inFlight, JSON.stringify(classification)).toBe(0)
    }
  })
})

describe('an error thrown by classify', () => {
  it('is emitted, and the value that it keeps from the caller is discarded', async () => {
    const observed = new ObservedLoadBalancer(three)
    const mistake = new Error('classify')
    const discarded: unknown[] = []
    const call = observed.lb.execute('users', () => 'value', {
      discard: (value) => discarded.push(value),
      classify: () => {
        throw mistake
      },
    })
    await expect(observed.settle(call)).rejects.toBe(mistake)
    expect(discarded).toEqual(['value'])
    expect(observed.eventsOf('callback-failed')).toEqual([
      { type: 'callback-failed', service: 'users', call: 1, callback: 'classify', error: mistake },
    ])
  })

  it('reaches the caller, and nothing is retried', async () => {
    const observed = new ObservedLoadBalancer(three)
    const mistake = new Error('classify')
    let attempts = 0
    const call = observed.lb.execute(
      'users',
      () => {
        attempts++
        throw refused
      },
      {
        idempotent: true,
        classify: () => {
          throw mistake
        },
      },
    )
    await expect(observed.settle(call)).rejects.toBe(mistake)
    expect(attempts).toBe(1)
  })
})

describe('until', () => {
  it('keeps the request in flight until the body ended', async () => {
    const observed = new ObservedLoadBalancer(three)
    const body = deferred()
    await observed.lb.execute('users', () => 1)
    expect(await observed.lb.execute('users', holding(body.promise))).toBe('b:1')
    expect([observed.inFlight, observed.finished]).toEqual([1, ['a:1']])
    body.resolve()
    await settlePromises()
    expect([observed.inFlight, observed.finished]).toEqual([0, ['a:1', 'b:1']])
    expect(observed.eventsOf('request-finished').at(-1)).toMatchObject({ outcome: { ok: true } })
  })

  it('makes the instance responsible for a body that breaks off', async () => {
    const observed = new ObservedLoadBalancer(three)
    const body = deferred()
    expect(await observed.lb.execute('users', holding(body.promise))).toBe('a:1')
    body.reject(reset)
    await settlePromises()
    expect(observed.eventsOf('request-finished')).toMatchObject([{ outcome: { ok: false, error: reset } }])
    expect([observed.inFlight, observed.eventsOf('retry')]).toEqual([0, []])
  })

  it("passes the caller's abort on until the body ended, and lets go of the signal then", async () => {
    const observed = new ObservedLoadBalancer(three, { timeoutMs: 1_000 })
    const controller = new AbortController()
    const body = deferred()
    let signal: AbortSignal | undefined
    await observed.lb.execute(
      'users',
      (_instance, context) => {
        signal = context.signal
        context.until(body.promise)
      },
      { signal: controller.signal },
    )
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    const reason = new Error('the user left')
    controller.abort(reason)
    expect(signal?.reason).toBe(reason)
    expect(observed.inFlight).toBe(1)
    body.reject(reason)
    await settlePromises()
    expect(observed.inFlight).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('lets go of the signal when the body ended by itself', async () => {
    const observed = new ObservedLoadBalancer(three)
    const controller = new AbortController()
    const body = deferred()
    let signal: AbortSignal | undefined
    await observed.lb.execute(
      'users',
      (_instance, context) => {
        signal = context.signal
        context.until(body.promise)
      },
      { signal: controller.signal },
    )
    body.resolve()
    await settlePromises()
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    controller.abort()
    expect(signal?.aborted).toBe(false)
  })

  it('does not hold the body to the deadline of the call', async () => {
    const observed = new ObservedLoadBalancer(three, { timeoutMs: 1_000 })
    const body = deferred()
    let signal: AbortSignal | undefined
    await observed.lb.execute('users', (_instance, context) => {
      signal = context.signal
      context.until(body.promise)
    })
    expect(observed.clock.pendingForegroundTimers).toBe(0)
    await observed.clock.advance(10_000)
    expect([signal?.aborted, observed.inFlight]).toEqual([false, 1])
    body.resolve()
  })

  it('keeps a removed instance draining', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const body = deferred()
    await observed.lb.execute('users', holding(body.promise))
    observed.discovery.set('users', ['b:1'])
    expect(observed.states).toEqual({ 'a:1': 'draining', 'b:1': 'available' })
    body.resolve()
    await settlePromises()
    expect(observed.states).toEqual({ 'b:1': 'available' })
  })

  it('finishes after the load balancer was closed', async () => {
    const balancer = new NotingBalancer()
    const observed = new ObservedLoadBalancer(three, { balancer: () => balancer })
    const body = deferred()
    await observed.lb.execute('users', holding(body.promise))
    await observed.lb.close()
    expect(balancer.finished_).toEqual([])
    body.resolve()
    await settlePromises()
    expect(balancer.finished_).toMatchObject([{ id: 'a:1', outcome: { ok: true } }])
  })

  it('does not hold up a retry', async () => {
    const observed = new ObservedLoadBalancer(three)
    const body = deferred()
    const call = observed.lb.execute(
      'users',
      ({ id }, context) => {
        if (context.number > 1) return id
        context.until(body.promise)
        throw refused
      },
      { idempotent: true },
    )
    expect(await observed.settle(call)).toBe('b:1')
    expect([observed.finished, observed.inFlight]).toEqual([['a:1', 'b:1'], 0])
  })

  it('can be taken out of the context like the signal', async () => {
    const observed = new ObservedLoadBalancer(three)
    const body = deferred()
    // oxlint-disable-next-line typescript/unbound-method -- that it is bound is what is tested
    await observed.lb.execute('users', (_instance, { until }) => until(body.promise))
    expect(observed.inFlight).toBe(1)
    body.resolve()
  })

  it.each<[string, AttemptFunction<unknown>]>([
    ['is given up for a retry', () => new Response(null, { status: 503 })],
    ['throws', () => Promise.reject(refused)],
    ['takes too long', () => new Promise(() => {})],
  ])('handles the rejection of the body of an attempt that %s', async (_, attempt) => {
    const observed = new ObservedLoadBalancer(three, { retry: { attemptTimeoutMs: 100, maxRetries: 1 } })
    const body = new Promise<void>(() => {})
    const then = vi.spyOn(body, 'then')
    const call = observed.lb.execute(
      'users',
      (instance, context) => {
        if (context.number > 1) return 1
        context.until(body)
        return attempt(instance, context)
      },
      { idempotent: true },
    )
    await observed.settle(call)
    await settlePromises()
    // Unhandled, a rejection would end the process.
    expect(then.mock.calls.some(([, rejected]) => typeof rejected === 'function')).toBe(true)
    expect(observed.inFlight).toBe(0)
  })
})

/** An attempt that gives the id of its instance, while its body goes on. */
function holding(body: Promise<void>): AttemptFunction<string> {
  return ({ id }, context) => {
    context.until(body)
    return id
  }
}
