import { getEventListeners } from 'node:events'
import { settlePromises } from '@lb/testing'
import { describe, expect, it, vi } from 'vitest'
import {
  type AttemptContext,
  type AttemptFunction,
  type Balancer,
  DeadlineExceededError,
  type ExecuteOptions,
  type LoadBalancerOptions,
  type RetryOptions,
  type ServiceInstance,
} from '../src/index.ts'
import { ObservedLoadBalancer, reset } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']
const idempotent = { idempotent: true }

/** What an instance does: answers with its id, or fails, after so long; `never`, or not even when it is aborted. */
type Behaviour = { readonly afterMs: number; readonly fails?: boolean; readonly deaf?: boolean }

class Hedged extends ObservedLoadBalancer {
  readonly contexts: AttemptContext[] = []
  readonly begun: string[] = []
  readonly discarded: unknown[] = []
  readonly #startedAtMs: number
  behaviour: Record<string, Behaviour> = {}

  constructor(options: Partial<LoadBalancerOptions> = {}, list: readonly string[] = three) {
    super(list, { hedge: { delayMs: 100 }, ...options })
    this.#startedAtMs = this.clock.now()
  }

  readonly attempt: AttemptFunction<string> = ({ id }, context) => {
    this.begun.push(`${id} @${this.clock.now() - this.#startedAtMs}`)
    this.contexts.push(context)
    const { afterMs, fails = false, deaf = false } = this.behaviour[id] ?? { afterMs: 10 }
    return new Promise((resolve, reject) => {
      const cancel = this.clock.setTimeout(() => (fails ? reject(reset) : resolve(id)), afterMs)
      if (deaf) return
      context.signal.addEventListener('abort', () => {
        cancel()
        reject(context.signal.reason)
      })
    })
  }

  call(options: ExecuteOptions<string> = idempotent): Promise<string> {
    return this.lb.execute('users', this.attempt, { discard: (value) => void this.discarded.push(value), ...options })
  }

  /** Every attempt as `id ok | failed | cancelled`, in the order of their ends. */
  get ends(): string[] {
    return this.eventsOf('request-finished').map(({ instance, outcome }) => {
      const bad = outcome.cancelled === true ? 'cancelled' : 'failed'
      return `${instance.id} ${outcome.ok ? 'ok' : bad}`
    })
  }

  expectQuiet(): void {
    expect([this.inFlight, this.clock.pendingForegroundTimers]).toEqual([0, 0])
  }
}

describe('hedging after a fixed delay', () => {
  it('is off by default', async () => {
    const hedged = new Hedged({ hedge: false, retry: { secondTryAfterMs: Number.POSITIVE_INFINITY } })
    hedged.behaviour = { 'a:1': { afterMs: 5_000 } }
    expect(await hedged.settle(hedged.call())).toBe('a:1')
    expect(hedged.begun).toEqual(['a:1 @0'])
  })

  it('asks a second instance, takes the faster answer, and cancels the other without blame', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 5_000 }, 'b:1': { afterMs: 30 } }
    expect(await hedged.settle(hedged.call())).toBe('b:1')
    expect(hedged.begun).toEqual(['a:1 @0', 'b:1 @100'])
    expect(hedged.contexts.map(({ number, previous }) => [number, previous.map(({ id }) => id)])).toEqual([
      [1, []],
      [2, ['a:1']],
    ])
    expect(hedged.contexts[0]?.signal.reason).toMatchObject({ name: 'AbortError' })
    expect(hedged.ends.sort()).toEqual(['a:1 cancelled', 'b:1 ok'])
    expect(hedged.eventsOf('hedge')).toMatchObject([{ service: 'users', instance: { id: 'b:1' }, number: 2 }])
    expect(hedged.eventsOf('retry')).toEqual([])
    hedged.expectQuiet()
  })

  it('sends nothing when the answer is there in time', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 99 } }
    expect(await hedged.settle(hedged.call())).toBe('a:1')
    expect(hedged.begun).toEqual(['a:1 @0'])
    hedged.expectQuiet()
  })

  it('keeps the first answer when that is faster all the same', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 150 }, 'b:1': { afterMs: 5_000 } }
    expect(await hedged.settle(hedged.call())).toBe('a:1')
    expect(hedged.ends.sort()).toEqual(['a:1 ok', 'b:1 cancelled'])
    hedged.expectQuiet()
  })

  it('discards the late answer of one that does not heed its signal, once', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 500, deaf: true }, 'b:1': { afterMs: 30 } }
    const call = hedged.call()
    await hedged.clock.advance(200)
    expect(await call).toBe('b:1')
    expect([hedged.inFlight, hedged.discarded]).toEqual([0, []])
    await hedged.clock.advance(1_000)
    expect(hedged.discarded).toEqual(['a:1'])
    expect(hedged.ends).toHaveLength(2)
  })

  it('discards the value of one that ends in the same turn', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 150 }, 'b:1': { afterMs: 50 } }
    const call = hedged.call()
    await hedged.clock.advance(100)
    hedged.clock.advanceSync(50)
    const value = await call
    await settlePromises()
    expect(hedged.discarded).toEqual([value === 'a:1' ? 'b:1' : 'a:1'])
    hedged.expectQuiet()
  })

  it('is not upset by a discard that throws', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 500, deaf: true }, 'b:1': { afterMs: 30 } }
    const discard = vi.fn(() => {
      throw new Error('discard')
    })
    expect(await hedged.settle(hedged.call({ ...idempotent, discard }))).toBe('b:1')
    expect(discard).toHaveBeenCalledTimes(1)
  })

  it('frees the body of an answer that lost', async () => {
    const hedged = new Hedged()
    const cancelled: string[] = []
    const response = (id: string, status: number): Response =>
      new Response(new ReadableStream({ cancel: () => void cancelled.push(id) }), { status })
    const call = hedged.lb.execute(
      'users',
      ({ id }) =>
        new Promise<Response>((resolve) => {
          const afterMs = id === 'a:1' ? 150 : 200
          hedged.clock.setTimeout(() => resolve(response(id, id === 'a:1' ? 503 : 200)), afterMs)
        }),
      idempotent,
    )
    expect((await hedged.settle(call)).status).toBe(200)
    expect(cancelled).toEqual(['a:1'])
  })
})

describe('failures of hedged attempts', () => {
  it('wait for the hedge that runs', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 120, fails: true }, 'b:1': { afterMs: 300 } }
    expect(await hedged.settle(hedged.call())).toBe('b:1')
    expect(hedged.begun).toEqual(['a:1 @0', 'b:1 @100'])
    expect(hedged.ends).toEqual(['a:1 failed', 'b:1 ok'])
  })

  it('are retried at once when no hedge runs yet, and the retry is not hedged', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 20, fails: true }, 'b:1': { afterMs: 500 } }
    expect(await hedged.settle(hedged.call())).toBe('b:1')
    expect(hedged.begun).toEqual(['a:1 @0', 'b:1 @20'])
    expect(hedged.eventsOf('hedge')).toEqual([])
  })

  it('of all of them are retried on an instance that was not tried', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 120, fails: true }, 'b:1': { afterMs: 300, fails: true } }
    expect(await hedged.settle(hedged.call())).toBe('c:1')
    expect(hedged.begun).toEqual(['a:1 @0', 'b:1 @100', 'c:1 @400'])
    expect(hedged.contexts.at(-1)).toMatchObject({ number: 3, previous: [{ id: 'a:1' }, { id: 'b:1' }] })
    expect(hedged.ends).toEqual(['a:1 failed', 'b:1 failed', 'c:1 ok'])
    hedged.expectQuiet()
  })

  it('for good end the call and cancel the other', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 120, fails: true }, 'b:1': { afterMs: 300 } }
    const classify = vi.fn(() => ({ ok: false, retry: 'never' as const }))
    await expect(hedged.settle(hedged.call({ ...idempotent, classify }))).rejects.toBe(reset)
    expect(hedged.ends.toSorted()).toEqual(['a:1 failed', 'b:1 cancelled'])
    // The loser is not the application's concern.
    expect(classify.mock.calls).toMatchObject([[{ ok: false, error: reset }, { id: 'a:1' }]])
  })

  it('are classified with the instance they belong to', async () => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 120, fails: true }, 'b:1': { afterMs: 300 } }
    const classified: string[] = []
    const classify = ({ ok }: { ok: boolean }, { id }: ServiceInstance): undefined =>
      void classified.push(`${id} ${ok ? 'ok' : 'failed'}`)
    await hedged.settle(hedged.call({ ...idempotent, classify }))
    expect(classified).toEqual(['a:1 failed', 'b:1 ok'])
  })
})

describe('no hedge is sent', () => {
  const slow = { 'a:1': { afterMs: 1_000 } }

  it.each<[string, Partial<LoadBalancerOptions>, ExecuteOptions<string>, string[]?]>([
    ['for a request that may not be repeated', {}, {}],
    ['when the budget is exhausted', { retry: { budget: { ratio: 0, minPerSecond: 0 } } }, idempotent],
    ['when there is one instance', {}, idempotent, ['a:1']],
    ['when the limit of requests in flight is reached', { maxInFlight: 1 }, idempotent],
    ['after retryWithinMs', {}, { idempotent: true, retryWithinMs: 50 }],
  ])('%s', async (_name, options, callOptions, list = three) => {
    const hedged = new Hedged(options, list)
    hedged.behaviour = slow
    expect(await hedged.settle(hedged.call(callOptions))).toBe('a:1')
    expect(hedged.begun).toEqual(['a:1 @0'])
    expect(hedged.eventsOf('hedge')).toEqual([])
    hedged.expectQuiet()
  })

  it('when the others are full, and nothing is taken from the budget', async () => {
    const hedged = new Hedged({ maxInFlightPerInstance: 2, retry: { budget: { ratio: 0, minPerSecond: 1 } } }, [
      'a:1',
      'b:1',
    ])
    hedged.behaviour = slow
    for (let each = 0; each < 2; each++) await hedged.lb.acquire('users', { avoid: new Set(['a:1']) })
    const before = hedged.lb.inspect('users').retryBudget
    expect(await hedged.settle(hedged.call())).toBe('a:1')
    expect([hedged.begun, hedged.lb.inspect('users').retryBudget]).toEqual([['a:1 @0'], before])
  })

  it('when the balancer of the application fails', async () => {
    let list: readonly ServiceInstance[] = []
    const balancer: Balancer = {
      update: (candidates) => {
        list = candidates
      },
      pick: (request) => {
        if (request?.avoid !== undefined) throw new Error('balancer')
        return list[0]
      },
    }
    const hedged = new Hedged({ balancer: () => balancer })
    hedged.behaviour = slow
    expect(await hedged.settle(hedged.call())).toBe('a:1')
  })
})

describe('several hedges', () => {
  it('follow each other at the delay, up to maxHedges, and all but one are cancelled', async () => {
    const hedged = new Hedged({ hedge: { delayMs: 100, maxHedges: 2 } }, [...three, 'd:1'])
    hedged.behaviour = { 'a:1': { afterMs: 9_000 }, 'b:1': { afterMs: 9_000 }, 'c:1': { afterMs: 500 } }
    expect(await hedged.settle(hedged.call())).toBe('c:1')
    expect(hedged.begun).toEqual(['a:1 @0', 'b:1 @100', 'c:1 @200'])
    expect(hedged.ends.sort()).toEqual(['a:1 cancelled', 'b:1 cancelled', 'c:1 ok'])
    hedged.expectQuiet()
  })

  it('cost the budget one each', async () => {
    const hedged = new Hedged({
      hedge: { delayMs: 0, maxHedges: 2 },
      retry: { budget: { ratio: 0, minPerSecond: 1 } },
    })
    hedged.behaviour = { 'a:1': { afterMs: 50 }, 'b:1': { afterMs: 50 }, 'c:1': { afterMs: 50 } }
    await hedged.settle(hedged.call(), 100)
    expect(hedged.lb.inspect('users').retryBudget).toBe(8)
  })
})

describe('the end of the call', () => {
  it.each(['the deadline', 'an abort', 'an abort with a reason of its own'])('by %s interrupts both', async (by) => {
    const hedged = new Hedged()
    hedged.behaviour = { 'a:1': { afterMs: 9_000, deaf: true }, 'b:1': { afterMs: 9_000 } }
    const controller = new AbortController()
    const reason = by === 'an abort' ? undefined : new Error('own')
    const timeoutMs = by === 'the deadline' ? 250 : 10_000
    const call = Promise.allSettled([hedged.call({ ...idempotent, timeoutMs, signal: controller.signal })])
    await hedged.clock.advance(200)
    if (by !== 'the deadline') controller.abort(reason)
    await hedged.clock.advance(50)
    const [result] = await call
    const expected = by === 'the deadline' ? expect.any(DeadlineExceededError) : controller.signal.reason
    expect(result).toMatchObject({ status: 'rejected', reason: expected })
    for (const { signal } of hedged.contexts) expect(signal.aborted).toBe(true)
    const end = by === 'the deadline' ? 'failed' : 'cancelled'
    expect(hedged.ends.sort()).toEqual([`a:1 ${end}`, `b:1 ${end}`])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    // The timer of the deaf attempt itself.
    await hedged.clock.advance(9_000)
    expect(hedged.discarded).toEqual(['a:1'])
    hedged.expectQuiet()
  })

  it('does not reach the winner whose body is still read, but the abort does', async () => {
    const hedged = new Hedged()
    const controller = new AbortController()
    let winner: AttemptContext | undefined
    const call = hedged.lb.execute(
      'users',
      ({ id }, context) => {
        if (id === 'a:1') return new Promise<string>(() => {})
        winner = context
        context.until(new Promise((_resolve, reject) => context.signal.addEventListener('abort', () => reject(reset))))
        return id
      },
      { ...idempotent, timeoutMs: 1_000, signal: controller.signal },
    )
    expect(await hedged.settle(call)).toBe('b:1')
    expect([winner?.signal.aborted, hedged.inFlight]).toEqual([false, 1])
    controller.abort()
    await settlePromises()
    expect([winner?.signal.aborted, hedged.ends]).toEqual([true, ['a:1 cancelled', 'b:1 cancelled']])
    hedged.expectQuiet()
  })

  it('by its attempt time limit blames the slow one and still takes the hedge', async () => {
    const hedged = new Hedged({ retry: { attemptTimeoutMs: 150 } })
    hedged.behaviour = { 'a:1': { afterMs: 9_000 }, 'b:1': { afterMs: 100 } }
    expect(await hedged.settle(hedged.call())).toBe('b:1')
    expect(hedged.ends).toEqual(['a:1 failed', 'b:1 ok'])
  })

  it.each<RetryOptions | false>([false, { maxRetries: 0 }, {}])(
    'ends the slow one soon, whether there are retries or not: %o',
    async (retry) => {
      const hedged = new Hedged({ retry, hedge: { delayMs: 5_000 } })
      hedged.behaviour = { 'a:1': { afterMs: 600_000, deaf: true }, 'b:1': { afterMs: 1 } }
      expect(await hedged.settle(hedged.call(), 10_000)).toBe('b:1')
      expect(hedged.inFlight).toBe(0)
      expect(hedged.ends.sort()).toEqual(['a:1 cancelled', 'b:1 ok'])
    },
  )
})
