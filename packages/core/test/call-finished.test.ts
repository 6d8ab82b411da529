import { settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { AttemptFunction, CallObserver, CallResult, ExecuteOptions, LoadBalancerOptions } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const two = ['a:1', 'b:1']
const ok = { ok: true, latencyMs: 1 }

/** A load balancer whose calls are listened to, and observed. */
class FinishedCalls extends ObservedLoadBalancer {
  /** What the observer got. */
  readonly results: CallResult[] = []
  /** Calls and attempts that the observer saw begin and not end. */
  open = 0

  constructor(options: Partial<LoadBalancerOptions> = {}, instances: readonly string[] = two) {
    super(instances, { outlierDetection: false, ...options })
    this.lb.observe({
      startCall: () => {
        this.open++
        return {
          startAttempt: () => {
            this.open++
            return { run: (attempt) => attempt(), end: () => this.open-- }
          },
          end: (result) => {
            this.open--
            this.results.push(result)
          },
        }
      },
    })
  }

  /** A call, whatever it comes to. */
  call<T>(attempt: AttemptFunction<T>, options: ExecuteOptions<T> = {}): Promise<T | undefined> {
    return this.lb.execute('users', attempt, options).catch(() => undefined)
  }

  get finishedCalls(): Record<string, unknown>[] {
    return this.eventsOf('call-finished').map(({ type: _type, service: _service, call: _call, ...result }) => result)
  }

  /** The one call, which the observer saw as the event says. */
  expectOne(expected: Partial<CallResult>): void {
    expect(this.finishedCalls).toEqual([expect.objectContaining(expected)])
    expect(this.results).toEqual(this.finishedCalls)
    expect(this.open).toBe(0)
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, resolve: (value) => settle?.resolve(value), reject: (reason) => settle?.reject(reason) }
}

/** Never answers. */
const silent: AttemptFunction<never> = () => new Promise(() => {})
const fails: AttemptFunction<never> = () => Promise.reject(reset)

describe('call-finished', () => {
  it('counts calls, not attempts: 200 calls, of which 3 failed', async () => {
    const calls = new FinishedCalls({ retry: { budget: false, maxRetries: 2 } })
    for (let call = 0; call < 200; call++) {
      let attempts = 0
      const doomed = call % 70 === 10
      const send = (): number => {
        attempts++
        if (doomed || (call % 3 === 0 && attempts === 1)) throw refused
        return call
      }
      await calls.settle(calls.call(send, { idempotent: true }), 1_000)
    }
    const ends = calls.finishedCalls
    expect([ends.length, ends.filter(({ result }) => result === 'failed').length]).toEqual([200, 3])
    expect(ends.every(({ result }) => result === 'ok' || result === 'failed')).toBe(true)
    expect(calls.eventsOf('request-finished').filter(({ outcome }) => !outcome.ok).length).toBeGreaterThan(60)
    expect(new Set(calls.eventsOf('call-finished').map(({ call }) => call)).size).toBe(200)
    expect([calls.results.length, calls.open]).toEqual([200, 0])
  })

  it('counts a hedge, and ends when the slower attempt is over too', async () => {
    const calls = new FinishedCalls({ hedge: { delayMs: 100 } })
    const send: AttemptFunction<string> = ({ id }) => (id === 'a:1' ? silent({} as never, {} as never) : id)
    expect(await calls.settle(calls.call(send, { idempotent: true }), 200)).toBe('b:1')
    calls.expectOne({ result: 'ok', attempts: 2, retries: 0, hedges: 1, durationMs: 100, inFlightMs: 100 })
  })

  it('counts a second try as a retry', async () => {
    const calls = new FinishedCalls({ retry: { secondTryAfterMs: 300 } })
    for (let warm = 0; warm < 50; warm++)
      await calls.settle(
        calls.call(() => 1, { idempotent: true }),
        10,
      )
    calls.events.length = 0
    calls.results.length = 0
    const answers = Array.from({ length: 2 }, () =>
      calls.call((instance, context) => (instance.id === 'a:1' ? silent(instance, context) : instance.id), {
        idempotent: true,
      }),
    )
    await calls.settle(Promise.all(answers), 3_000)
    expect(
      calls.finishedCalls.map(({ result, attempts, retries, hedges }) => [result, attempts, retries, hedges]),
    ).toEqual([
      ['ok', 1, 0, 0],
      ['ok', 2, 1, 0],
    ])
    expect(calls.open).toBe(0)
  })

  it.each([
    ['ok', 'ends', (end: Deferred<void>) => end.resolve()],
    ['failed', 'breaks off', (end: Deferred<void>) => end.reject(reset)],
  ] as const)('is %s, after the body that `until` announced %s', async (result, _what, finish) => {
    const calls = new FinishedCalls()
    const body = deferred<void>()
    const head = calls.call(async (_instance, { until }) => {
      until(body.promise)
      await new Promise<void>((resolve) => calls.clock.setTimeout(resolve, 30))
      return new Response(null, { status: 201 })
    })
    await calls.settle(head, 500)
    expect(calls.finishedCalls).toEqual([])
    finish(body)
    await settlePromises()
    calls.expectOne({ result, statusCode: 201, durationMs: 30, inFlightMs: 500, attempts: 1 })
  })

  it.each([
    ['before it begins', 0, -1],
    ['while it is sent', 1, 5],
  ])('is cancelled when its caller gives up %s', async (_when, attempts, afterMs) => {
    const calls = new FinishedCalls()
    const controller = new AbortController()
    const reason = new Error('enough')
    if (afterMs < 0) controller.abort(reason)
    const call = calls.call(silent, { signal: controller.signal })
    await calls.clock.advance(Math.max(0, afterMs))
    controller.abort(reason)
    await calls.settle(call, 100)
    calls.expectOne({ result: 'cancelled', attempts, error: reason })
  })

  it('is cancelled when its caller gives up the body', async () => {
    const calls = new FinishedCalls()
    const controller = new AbortController()
    const send: AttemptFunction<number> = (_instance, { until, signal }) => {
      until(new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
      return 1
    }
    await calls.settle(calls.call(send, { signal: controller.signal }), 10)
    controller.abort(new Error('enough'))
    await settlePromises()
    calls.expectOne({ result: 'cancelled', attempts: 1, durationMs: 0, inFlightMs: 10 })
  })

  it('is failed when its time limit passes while it is sent', async () => {
    const calls = new FinishedCalls()
    await calls.settle(calls.call(silent, { timeoutMs: 50 }), 100)
    calls.expectOne({
      result: 'failed',
      attempts: 1,
      durationMs: 50,
      error: expect.objectContaining({ code: 'LB_DEADLINE_EXCEEDED' }),
    })
  })

  it('is emitted for acquire when done is called, also long after the head', async () => {
    const calls = new FinishedCalls()
    const { done, answered } = await calls.lb.acquire('users')
    await calls.clock.advance(20)
    answered({ ...ok, statusCode: 200 })
    await calls.clock.advance(30)
    expect(calls.finishedCalls).toEqual([])
    done({ ...ok, statusCode: 200 })
    done({ ok: false, latencyMs: 1 })
    calls.expectOne({ result: 'ok', statusCode: 200, durationMs: 20, inFlightMs: 50, attempts: 1 })
  })
})

describe('call-finished of a call that was never sent', () => {
  const full: Partial<LoadBalancerOptions> = { maxInFlight: 1 }
  const queued = (code: string, queuedMs: number): Partial<CallResult> => ({
    result: 'refused',
    attempts: 0,
    queuedMs,
    durationMs: queuedMs,
    error: expect.objectContaining({ code }),
  })

  it.each<[string, Partial<LoadBalancerOptions>, ExecuteOptions<unknown>, Partial<CallResult>]>([
    ['queue-full', { ...full, queue: { maxSize: 0 } }, {}, queued('LB_OVERLOADED', 0)],
    ['queue-timeout', { ...full, queue: { maxWaitMs: 70 } }, {}, queued('LB_OVERLOADED', 70)],
    [
      'its deadline in the queue',
      { ...full, queue: { maxWaitMs: 70 } },
      { timeoutMs: 40 },
      queued('LB_DEADLINE_EXCEEDED', 40),
    ],
  ])('says why: %s', async (_why, options, given, expected) => {
    const calls = new FinishedCalls(options)
    const { done } = await calls.lb.acquire('users')
    await calls.settle(
      calls.call(() => 1, given),
      200,
    )
    expect(calls.finishedCalls).toEqual([expect.objectContaining(expected)])
    expect(calls.open).toBe(2)
    done(ok)
    expect(calls.results).toEqual(calls.finishedCalls)
    expect([calls.finishedCalls.length, calls.open]).toEqual([2, 0])
  })

  it('is cancelled, and says how long it waited, when its caller gives it up in the queue', async () => {
    const calls = new FinishedCalls(full)
    const { done } = await calls.lb.acquire('users')
    const controller = new AbortController()
    const waiting = [calls.call(() => 1, { signal: controller.signal })]
    waiting.push(
      calls.lb.acquire('users', { signal: controller.signal }).then(
        () => 1,
        () => undefined,
      ),
    )
    await calls.clock.advance(25)
    controller.abort(new Error('enough'))
    await Promise.all(waiting)
    expect(calls.finishedCalls).toEqual(
      [1, 2].map(() => expect.objectContaining({ result: 'cancelled', attempts: 0, queuedMs: 25 })),
    )
    done(ok)
    expect(calls.open).toBe(0)
  })

  it('says that it was throttled', async () => {
    const calls = new FinishedCalls({ throttle: {}, retry: false, random: () => 0.001 })
    for (let call = 0; call < 20; call++) await calls.settle(calls.call(fails), 100)
    const last = calls.finishedCalls.at(-1)
    expect(last).toMatchObject({ result: 'refused', attempts: 0, error: { code: 'LB_OVERLOADED' } })
    expect([calls.finishedCalls.length, calls.open]).toEqual([20, 0])
    expect(() => calls.lb.tryAcquire('users')).toThrow(expect.objectContaining({ code: 'LB_OVERLOADED' }))
    expect(calls.finishedCalls.at(-1)).toMatchObject({ result: 'refused' })
  })

  it.each<[string, (calls: FinishedCalls) => Promise<unknown>]>([
    ['execute', (calls) => calls.call(() => 1)],
    ['acquire', (calls) => calls.lb.acquire('users').catch(() => {})],
  ])('says that there is no instance, and of which service there is no list: %s', async (_name, start) => {
    const none = new FinishedCalls({}, [])
    await none.settle(start(none), 20_000)
    none.expectOne({
      result: 'refused',
      attempts: 0,
      error: expect.objectContaining({ code: 'LB_NO_AVAILABLE_INSTANCE' }),
    })
    const waiting = new FinishedCalls({
      discovery: { getInstances: () => new Promise<never>(() => {}) },
      services: { users: { firstListTimeoutMs: 90 } },
    })
    await waiting.settle(start(waiting), 20_000)
    waiting.expectOne({
      result: 'refused',
      attempts: 0,
      queuedMs: 90,
      error: expect.objectContaining({ code: 'LB_DISCOVERY' }),
    })
  })

  it('is not emitted for illegal arguments, which make no call', async () => {
    const calls = new FinishedCalls()
    await calls.call(5 as never)
    await calls.call(() => 1, { timeoutMs: -1 })
    await calls.lb.acquire('users', 5 as never).catch(() => {})
    expect([calls.finishedCalls, calls.open]).toEqual([[], 0])
  })
})

describe('call-finished and close', () => {
  /** What is emitted of calls, and `closed`, in order. */
  const order = (calls: FinishedCalls): unknown[] =>
    calls.events.flatMap((event): unknown[] => {
      if (event.type === 'call-finished') return [[event.result, (event.error as { code?: string } | undefined)?.code]]
      return event.type === 'closed' ? ['closed'] : []
    })

  it('comes before closed for each call, which is the last event', async () => {
    const calls = new FinishedCalls({ maxInFlight: 2 })
    const held = await calls.lb.acquire('users')
    const answer = deferred<string>()
    const started = [
      calls.call(() => answer.promise),
      calls.call(() => 'never'),
      calls.lb.acquire('users').catch(() => {}),
    ]
    await calls.clock.advance(15)
    const closed = calls.lb.close()
    expect(order(calls)).toEqual([
      ['cancelled', 'LB_CLOSED'],
      ['cancelled', 'LB_CLOSED'],
      ['refused', 'LB_CLOSED'],
      ['refused', 'LB_CLOSED'],
      'closed',
    ])
    expect(calls.finishedCalls.map(({ queuedMs, inFlightMs }) => [queuedMs, inFlightMs])).toEqual([
      [0, 15],
      [0, 15],
      [15, 15],
      [15, 15],
    ])
    const emitted = calls.events.length
    await calls.clock.advance(5)
    answer.resolve('answer')
    held.done(ok)
    expect(await Promise.all(started)).toEqual(['answer', undefined, undefined])
    await closed
    expect(calls.events).toHaveLength(emitted)
    // The observer gets how each really ended.
    expect(calls.results.map(({ result }) => result).toSorted()).toEqual(['ok', 'ok', 'refused', 'refused'])
    expect(calls.open).toBe(0)
  })

  it('has the result of a call that waits for a retry', async () => {
    const calls = new FinishedCalls({ random: () => 0.9 })
    const call = calls.call(() => new Response(null, { status: 503 }), { idempotent: true })
    await settlePromises()
    await calls.lb.close()
    expect((await call)?.status).toBe(503)
    calls.expectOne({ result: 'failed', statusCode: 503, attempts: 1 })
    expect(order(calls).at(-1)).toBe('closed')
  })

  it('has the status of a response whose body is under way', async () => {
    const calls = new FinishedCalls()
    const body = deferred<void>()
    await calls.call((_instance, { until }) => {
      until(body.promise)
      return new Response(null, { status: 206 })
    })
    await calls.lb.close()
    expect(calls.finishedCalls).toEqual([expect.objectContaining({ result: 'cancelled', statusCode: 206 })])
    body.resolve()
    await settlePromises()
    expect(calls.results).toEqual([expect.objectContaining({ result: 'ok', statusCode: 206 })])
    expect(calls.open).toBe(0)
  })

  it('has the real result of calls that end while the load balancer drains, and of those that it refuses then', async () => {
    const calls = new FinishedCalls()
    const call = calls.call(() => new Promise((resolve) => calls.clock.setTimeout(() => resolve(1), 50)))
    const closed = calls.lb.close({ drainMs: 1_000 })
    await calls.call(() => 2)
    await calls.clock.advance(60)
    expect(await call).toBe(1)
    await closed
    expect(order(calls)).toEqual([['refused', 'LB_CLOSED'], ['ok', undefined], 'closed'])
    await calls.call(() => 3)
    expect(calls.events.at(-1)).toMatchObject({ type: 'closed' })
    expect([calls.results.length, calls.open]).toEqual([2, 0])
  })

  it('is emitted once when a listener ends the request, or calls again', async () => {
    const calls = new FinishedCalls()
    const { done } = await calls.lb.acquire('users')
    calls.lb.subscribe((event) => {
      if (event.type === 'call-finished') done(ok)
      if (event.type === 'closed') void calls.call(() => 1)
    })
    await calls.lb.close()
    expect(order(calls)).toEqual([['cancelled', 'LB_CLOSED'], 'closed'])
    expect(calls.open).toBe(0)
  })

  it('keeps nothing of calls that are over', async () => {
    const calls = new FinishedCalls()
    for (let call = 0; call < 10; call++) await calls.call(() => 1)
    const before = calls.finishedCalls.length
    await calls.lb.close()
    expect([before, calls.finishedCalls.length]).toEqual([10, 10])
  })
})

describe('several observers', () => {
  it('run an attempt nested, in the order in which they came, and none changes what another sees', async () => {
    const observed = new ObservedLoadBalancer(two)
    const notes: string[] = []
    const named = (name: string, broken = false): CallObserver => ({
      startCall: () => ({
        startAttempt: () => ({
          run: (attempt) => {
            notes.push(`${name} in`)
            if (broken) throw new Error('observer')
            const result = attempt()
            notes.push(`${name} out`)
            return result
          },
          end: ({ ok: good }) => notes.push(`${name} attempt ${good}`),
        }),
        end: ({ result }) => notes.push(`${name} ${result}`),
      }),
    })
    const stop = [named('one'), named('two', true), named('three')].map((each) => observed.lb.observe(each))
    observed.lb.observe({ startCall: () => undefined })
    observed.lb.observe({ startCall: () => ({ startAttempt: () => undefined, end: () => notes.push('calls only') }) })
    expect(await observed.lb.execute('users', () => notes.push('sent'))).toBe(4)
    expect(notes).toEqual([
      'one in',
      'two in',
      'three in',
      'sent',
      'three out',
      'one out',
      'one attempt true',
      'two attempt true',
      'three attempt true',
      'one ok',
      'two ok',
      'three ok',
      'calls only',
    ])
    expect(observed.eventsOf('callback-failed').map(({ callback, service }) => [callback, service])).toEqual([
      ['observer', 'users'],
    ])
    for (const each of stop) each()
    notes.length = 0
    await observed.lb.execute('users', () => 1)
    expect(notes).toEqual(['calls only'])
  })
})
