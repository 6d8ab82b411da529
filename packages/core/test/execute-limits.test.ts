import { getEventListeners } from 'node:events'
import { FakeClock, FakeDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type AttemptContext, DeadlineExceededError, LoadBalancer } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']

/** An attempt that never ends and does not look at its signal. */
function ignore(): Promise<never> {
  return new Promise(() => {})
}

/** An attempt that ends only when its signal is aborted, with the signal's reason. */
function untilAborted(_instance: unknown, { signal }: AttemptContext): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  const [result] = await Promise.allSettled([promise])
  return result.status === 'rejected' ? result.reason : undefined
}

describe('the deadline of a call', () => {
  it.each([
    ['ignores its signal', ignore],
    ['obeys its signal', untilAborted],
  ])('ends an attempt that %s', async (_, attempt) => {
    for (const [service, options] of [
      [{ timeoutMs: 1_000 }, {}],
      [{ timeoutMs: 9 }, { timeoutMs: 1_000 }],
    ] as const) {
      const observed = new ObservedLoadBalancer(three, service)
      const startedAt = observed.clock.now()
      let endedAt = 0
      let signal: AbortSignal | undefined
      const call = observed.lb.execute(
        'users',
        (instance, context) => {
          signal = context.signal
          return attempt(instance, context)
        },
        { ...options, idempotent: true, retry: { secondTryAfterMs: Number.POSITIVE_INFINITY } },
      )
      const error = reasonOf(call.finally(() => (endedAt = observed.clock.now())))
      await observed.clock.advance(60_000)
      expect(await error).toBeInstanceOf(DeadlineExceededError)
      expect(await error).toMatchObject({
        code: 'LB_DEADLINE_EXCEEDED',
        service: 'users',
        message: 'users: the call took longer than 1000 ms',
      })
      expect(endedAt - startedAt).toBe(1_000)
      expect(signal?.aborted).toBe(true)
      expect(signal?.reason).toBe(await error)
      expect(observed.finished).toEqual(['a:1'])
      expect([observed.inFlight, observed.clock.pendingForegroundTimers]).toEqual([0, 0])
    }
  })

  it('bounds all attempts together', async () => {
    const observed = new ObservedLoadBalancer(three, { timeoutMs: 1_000, retry: { maxRetries: 100, budget: false } })
    let attempts = 0
    const call = observed.lb.execute(
      'users',
      () =>
        new Promise<never>((_resolve, reject) => {
          attempts++
          observed.clock.setTimeout(() => reject(reset), 300)
        }),
      { idempotent: true },
    )
    const startedAt = observed.clock.now()
    let endedAt = 0
    const error = reasonOf(call.finally(() => (endedAt = observed.clock.now())))
    await observed.clock.advance(10_000)
    expect(await error).toBeInstanceOf(DeadlineExceededError)
    expect([attempts, endedAt - startedAt]).toEqual([4, 1_000])
    expect(observed.finished).toHaveLength(4)
  })

  it('bounds the wait for the first list', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery('wait')
    const lb = new LoadBalancer({ discovery, clock, services: { users: {} } })
    const error = reasonOf(lb.execute('users', () => 1, { timeoutMs: 300 }))
    await clock.advance(300)
    expect(await error).toBeInstanceOf(DeadlineExceededError)
    expect(clock.pendingForegroundTimers).toBe(0)
  })

  it('starts no retry whose delay would end after it', async () => {
    const observed = new ObservedLoadBalancer(three, {
      timeoutMs: 1_000,
      random: () => 0.999,
      retry: { backoffBaseMs: 2_000, backoffMaxMs: 2_000 },
    })
    let attempts = 0
    const call = observed.lb.execute('users', () => {
      attempts++
      throw refused
    })
    expect(await reasonOf(call)).toBe(refused)
    expect(attempts).toBe(1)
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('is none by default', async () => {
    const observed = new ObservedLoadBalancer(three)
    void observed.lb.execute('users', ignore)
    await settlePromises()
    expect(observed.clock.pendingForegroundTimers).toBe(0)
    expect(observed.inFlight).toBe(1)
  })
})

describe('retryWithinMs', () => {
  it('ends the retries, but not the attempt under way', async () => {
    const observed = new ObservedLoadBalancer(three, { retry: { maxRetries: 100, budget: false } })
    const startedAtMs: number[] = []
    const call = observed.lb.execute(
      'users',
      (_instance, { elapsedMs }) =>
        new Promise<never>((_resolve, reject) => {
          startedAtMs.push(elapsedMs)
          observed.clock.setTimeout(() => reject(reset), 400)
        }),
      { idempotent: true, retryWithinMs: 1_000 },
    )
    const error = reasonOf(call)
    await observed.clock.advance(10_000)
    expect(await error).toBe(reset)
    expect(startedAtMs).toEqual([0, 400, 800])
  })

  it('of 0 makes no retry', async () => {
    const observed = new ObservedLoadBalancer(three)
    let attempts = 0
    const call = observed.lb.execute(
      'users',
      () => {
        attempts++
        throw refused
      },
      { retryWithinMs: 0 },
    )
    expect(await reasonOf(call)).toBe(refused)
    expect(attempts).toBe(1)
  })
})

describe('attemptTimeoutMs', () => {
  it.each([
    ['ignores its signal', ignore],
    ['obeys its signal', untilAborted],
  ])('gives up an attempt that %s, and tries another instance', async (_, attempt) => {
    const observed = new ObservedLoadBalancer(three, { retry: { attemptTimeoutMs: 500 } })
    let first: AbortSignal | undefined
    const call = observed.lb.execute(
      'users',
      ({ id }, context) => {
        if (context.number > 1) return id
        first = context.signal
        return attempt(undefined, context)
      },
      { idempotent: true },
    )
    expect(await observed.settle(call)).toBe('b:1')
    expect(first?.reason).toMatchObject({
      code: 'LB_DEADLINE_EXCEEDED',
      service: 'users',
      message: 'users: the attempt on a:1 took longer than 500 ms',
    })
    expect(observed.eventsOf('request-finished')).toMatchObject([
      { instance: { id: 'a:1' }, outcome: { ok: false, latencyMs: 500, error: { code: 'LB_DEADLINE_EXCEEDED' } } },
      { instance: { id: 'b:1' }, outcome: { ok: true, latencyMs: 0 } },
    ])
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('is not a reason to repeat a request that is not idempotent', async () => {
    const observed = new ObservedLoadBalancer(three, { retry: { attemptTimeoutMs: 500 } })
    let attempts = 0
    const call = observed.lb.execute('users', () => {
      attempts++
      return ignore()
    })
    const error = reasonOf(call)
    await observed.clock.advance(10_000)
    expect(await error).toBeInstanceOf(DeadlineExceededError)
    expect(attempts).toBe(1)
  })

  it('starts anew with each attempt', async () => {
    const observed = new ObservedLoadBalancer(three, { retry: { attemptTimeoutMs: 500 } })
    const call = observed.lb.execute(
      'users',
      ({ id }, { number }) =>
        new Promise<string>((resolve, reject) => {
          observed.clock.setTimeout(() => (number < 3 ? reject(reset) : resolve(id)), 400)
        }),
      { idempotent: true },
    )
    expect(await observed.settle(call)).toBe('c:1')
  })

  it('can be given for one call', async () => {
    const observed = new ObservedLoadBalancer(three)
    const error = reasonOf(observed.lb.execute('users', ignore, { retry: { attemptTimeoutMs: 20 } }))
    await observed.clock.advance(20)
    expect(await error).toBeInstanceOf(DeadlineExceededError)
  })

  it('leaves no timer behind an attempt that ended, or that threw at once', async () => {
    const observed = new ObservedLoadBalancer(three, { retry: { attemptTimeoutMs: 500, maxRetries: 0 } })
    await observed.lb.execute('users', () => 1)
    await reasonOf(
      observed.lb.execute('users', () => {
        throw refused
      }),
    )
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('drops what the attempt gives later', async () => {
    const observed = new ObservedLoadBalancer(three, { retry: { attemptTimeoutMs: 500 } })
    const call = observed.lb.execute(
      'users',
      ({ id }, { number }) =>
        number > 1
          ? id
          : new Promise<string>((_resolve, reject) => {
              observed.clock.setTimeout(() => reject(new Error('late')), 900)
            }),
      { idempotent: true },
    )
    expect(await observed.settle(call)).toBe('b:1')
    expect(observed.finished).toEqual(['a:1', 'b:1'])
  })
})

describe("the caller's signal", () => {
  const reason = new Error('the user left')

  it('aborted before the call runs no attempt', async () => {
    const observed = new ObservedLoadBalancer(three)
    let attempts = 0
    const call = observed.lb.execute('users', () => attempts++, { signal: AbortSignal.abort(reason) })
    expect(await reasonOf(call)).toBe(reason)
    expect([attempts, observed.finished, observed.clock.pendingForegroundTimers]).toEqual([0, [], 0])
  })

  it('aborts the attempt, and the call ends with its reason', async () => {
    for (const attempt of [ignore, untilAborted]) {
      const observed = new ObservedLoadBalancer(three)
      const controller = new AbortController()
      let signal: AbortSignal | undefined
      const call = observed.lb.execute(
        'users',
        (instance, context) => {
          signal = context.signal
          return attempt(instance, context)
        },
        { signal: controller.signal, idempotent: true },
      )
      const error = reasonOf(call)
      await settlePromises()
      expect(observed.inFlight).toBe(1)
      controller.abort(reason)
      expect(await error).toBe(reason)
      expect(signal?.reason).toBe(reason)
      expect([observed.finished, observed.inFlight]).toEqual([['a:1'], 0])
      expect(observed.eventsOf('retry')).toEqual([])
    }
  })

  it('gives the default reason when it has none of its own', async () => {
    const observed = new ObservedLoadBalancer(three)
    const controller = new AbortController()
    const error = reasonOf(observed.lb.execute('users', ignore, { signal: controller.signal }))
    await settlePromises()
    controller.abort()
    expect(await error).toMatchObject({ name: 'AbortError' })
  })

  it('aborted within the attempt itself ends the call', async () => {
    const observed = new ObservedLoadBalancer(three)
    const controller = new AbortController()
    let attempts = 0
    const call = observed.lb.execute(
      'users',
      () => {
        attempts++
        controller.abort(reason)
        throw refused
      },
      { signal: controller.signal },
    )
    expect(await reasonOf(call)).toBe(reason)
    expect([attempts, observed.finished]).toEqual([1, ['a:1']])
  })

  it('ends the wait before a retry', async () => {
    const observed = new ObservedLoadBalancer(three, { random: () => 0.9 })
    const controller = new AbortController()
    let attempts = 0
    const call = observed.lb.execute(
      'users',
      () => {
        attempts++
        throw refused
      },
      { signal: controller.signal },
    )
    const error = reasonOf(call)
    await observed.clock.advance(10)
    expect(observed.clock.pendingForegroundTimers).toBe(1)
    controller.abort(reason)
    expect(await error).toBe(reason)
    expect(observed.clock.pendingForegroundTimers).toBe(0)
    await observed.clock.advance(1_000)
    expect(attempts).toBe(1)
  })

  it('ends the wait for the first list, of execute, acquire and ready', async () => {
    const clock = new FakeClock()
    const lb = new LoadBalancer({ discovery: new FakeDiscovery('wait'), clock, services: { users: {} } })
    const controller = new AbortController()
    const { signal } = controller
    const errors = [
      lb.execute('users', () => 1, { signal }),
      lb.acquire('users', { signal }),
      lb.ready('users', { signal }),
    ]
    const reasons = Promise.all(errors.map(reasonOf))
    await settlePromises()
    controller.abort(reason)
    expect(await reasons).toEqual([reason, reason, reason])
    expect(clock.pendingForegroundTimers).toBe(0)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('is not aborted, nor listened to, after the call', async () => {
    const observed = new ObservedLoadBalancer(three, { timeoutMs: 1_000 })
    const controller = new AbortController()
    const { signal } = controller
    const attempts: (() => unknown)[] = [
      () => 1,
      () => {
        throw reset
      },
      () => {
        throw refused
      },
      ignore,
    ]
    let given: AbortSignal | undefined
    for (const attempt of attempts) {
      const call = observed.lb.execute(
        'users',
        (_instance, context) => {
          given = context.signal
          return attempt()
        },
        { signal },
      )
      await observed.settle(call, 5_000).catch(() => {})
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    }
    await observed.lb.execute(
      'users',
      (_instance, context) => {
        given = context.signal
      },
      { signal },
    )
    controller.abort()
    expect(given?.aborted).toBe(false)
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('can be shared by many calls', async () => {
    const observed = new ObservedLoadBalancer(three)
    const controller = new AbortController()
    const { signal } = controller
    const reasons = Promise.all(
      Array.from({ length: 5 }, () => reasonOf(observed.lb.execute('users', untilAborted, { signal }))),
    )
    await settlePromises()
    expect(observed.inFlight).toBe(5)
    controller.abort(reason)
    expect(await reasons).toEqual([reason, reason, reason, reason, reason])
    expect(observed.inFlight).toBe(0)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
