import { settlePromises } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AttemptFunction, type ExecuteOptions, OverloadedError, type PickResult } from '../src/index.ts'
import { ObservedLoadBalancer, reset } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']
const good = { ok: true, latencyMs: 1 }

function inFlightOf({ lb }: ObservedLoadBalancer): number[] {
  return lb.inspect('users').instances.map(({ inFlight }) => inFlight)
}

async function acquired(observed: ObservedLoadBalancer, count: number): Promise<PickResult[]> {
  const all: PickResult[] = []
  for (let each = 0; each < count; each++) all.push(await observed.lb.acquire('users'))
  return all
}

const ids = (picked: readonly PickResult[]): string[] => picked.map(({ instance }) => instance.id)

describe('maxInFlight', () => {
  it('is no limit by default', async () => {
    const observed = new ObservedLoadBalancer(three)
    await acquired(observed, 500)
    expect([observed.inFlight, observed.lb.inspect('users').queued]).toEqual([500, 0])
  })

  it('counts what was acquired and what is executed together, and refuses the next at once without a queue', async () => {
    const observed = new ObservedLoadBalancer(three, { maxInFlight: 3, queue: false })
    await acquired(observed, 2)
    void observed.lb.execute('users', () => new Promise(() => {}))
    await settlePromises()
    for (const call of [observed.lb.acquire('users'), observed.lb.execute('users', () => 1)]) {
      await expect(call).rejects.toThrow(
        expect.objectContaining({
          name: 'OverloadedError',
          code: 'LB_OVERLOADED',
          service: 'users',
          message:
            'users: overloaded, refused before it was sent: 3 requests in flight (maxInFlight 3), and queue is false',
        }),
      )
    }
    expect(observed.eventsOf('call-refused')).toEqual(
      [4, 5].map((call) => ({ type: 'call-refused', service: 'users', call, because: 'queue-full' })),
    )
    expect(observed.inFlight).toBe(3)
    expect(observed.clock.pendingForegroundTimers).toBe(0)
  })

  it('does not count picks', async () => {
    const observed = new ObservedLoadBalancer(three, { maxInFlight: 1, queue: false })
    await acquired(observed, 1)
    expect(observed.lb.pick('users').id).toBe('b:1')
  })

  it('counts requests on instances that drain', async () => {
    const observed = new ObservedLoadBalancer(three, { maxInFlight: 1, queue: false })
    const [picked] = await acquired(observed, 1)
    observed.discovery.set('users', ['d:1'])
    await expect(observed.lb.acquire('users')).rejects.toThrow(OverloadedError)
    picked?.done(good)
    expect((await observed.lb.acquire('users')).instance.id).toBe('d:1')
  })

  it('belongs to each service', async () => {
    const observed = new ObservedLoadBalancer(three, { services: { users: { maxInFlight: 1 } }, queue: false })
    observed.discovery.set('orders', three)
    await acquired(observed, 1)
    for (let each = 0; each < 3; each++) await observed.lb.acquire('orders')
    await expect(observed.lb.acquire('users')).rejects.toThrow(OverloadedError)
  })
})

describe('every end of an attempt makes room', () => {
  const ignored: AttemptFunction<unknown> = () => new Promise(() => {})
  const ends: [string, AttemptFunction<unknown>, ExecuteOptions, boolean?][] = [
    ['success', () => 1, {}],
    ['failure', () => Promise.reject(reset), {}],
    ['a synchronous throw', () => JSON.parse('{'), {}],
    ['a status', () => new Response(null, { status: 500 }), {}],
    ['the deadline', ignored, { timeoutMs: 50 }],
    ['its time limit', ignored, { retry: { attemptTimeoutMs: 50, maxRetries: 0 } }],
    ['an abort', ignored, {}, true],
  ]

  it.each(ends)('%s', async (_name, attempt, options, aborts = false) => {
    for (const limit of [{ maxInFlight: 1 }, { maxInFlightPerInstance: 1 }]) {
      const observed = new ObservedLoadBalancer(['a:1'], { ...limit, queue: false })
      const controller = new AbortController()
      const call = observed.lb.execute('users', attempt, { ...options, signal: controller.signal })
      const settled = Promise.allSettled([call])
      if (aborts) controller.abort()
      await observed.settle(settled, 50)
      expect(await observed.lb.execute('users', () => 'next')).toBe('next')
    }
  })

  it.each(['the end', 'the break'])('of a body that is still read: %s', async (which) => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 1, queue: false })
    let end = (): void => {}
    await observed.lb.execute('users', (_instance, { until }) => {
      until(
        new Promise<void>((resolve, reject) => {
          end = () => (which === 'the end' ? resolve() : reject(reset))
        }),
      )
    })
    await expect(observed.lb.execute('users', () => 1)).rejects.toThrow(OverloadedError)
    end()
    await settlePromises()
    expect(await observed.lb.execute('users', () => 'next')).toBe('next')
  })

  it('is one call of done, however often it is called', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { maxInFlight: 2, queue: false })
    const [first] = await acquired(observed, 2)
    first?.done(good)
    first?.done(good)
    await acquired(observed, 1)
    await expect(observed.lb.acquire('users')).rejects.toThrow(OverloadedError)
  })

  it('of a failed attempt comes before its retry', async () => {
    const observed = new ObservedLoadBalancer(three, { maxInFlight: 1, queue: false })
    const call = observed.lb.execute(
      'users',
      (_instance, { number }) => (number < 3 ? Promise.reject(reset) : number),
      {
        idempotent: true,
      },
    )
    expect(await observed.settle(call)).toBe(3)
  })
})

describe('maxInFlightPerInstance', () => {
  it('passes full instances over, also for one that is to be avoided', async () => {
    const observed = new ObservedLoadBalancer(three, { maxInFlightPerInstance: 2, queue: false })
    const all = await acquired(observed, 6)
    expect(ids(all).sort()).toEqual(['a:1', 'a:1', 'b:1', 'b:1', 'c:1', 'c:1'])
    all.find(({ instance }) => instance.id === 'b:1')?.done(good)
    const last = await observed.lb.acquire('users', { avoid: new Set(['b:1']) })
    expect(last.instance.id).toBe('b:1')
    await expect(observed.lb.acquire('users')).rejects.toThrow(
      'users: overloaded, refused before it was sent: 6 requests in flight (maxInFlightPerInstance 2), and queue is false',
    )
  })

  it('prefers one with room that is not to be avoided', async () => {
    const observed = new ObservedLoadBalancer(three, { maxInFlightPerInstance: 1, queue: false })
    await observed.lb.acquire('users')
    const second = await observed.lb.acquire('users', { avoid: new Set(['b:1']) })
    expect(second.instance.id).toBe('c:1')
  })

  it('takes another instance than the hash key says when that one is full', async () => {
    const observed = new ObservedLoadBalancer(three, { balancer: 'ring-hash', maxInFlightPerInstance: 1, queue: false })
    const picked: PickResult[] = []
    for (let each = 0; each < 3; each++) picked.push(await observed.lb.acquire('users', { hashKey: 'k' }))
    expect(new Set(ids(picked)).size).toBe(3)
    await expect(observed.lb.acquire('users', { hashKey: 'k' })).rejects.toThrow(OverloadedError)
  })

  it.each(['round-robin', 'random', 'least-request', 'peak-ewma', 'smooth-weighted-round-robin', 'maglev'] as const)(
    'holds with %s, together with maxInFlight',
    async (balancer) => {
      const observed = new ObservedLoadBalancer(three, {
        balancer,
        maxInFlightPerInstance: 2,
        maxInFlight: 5,
        queue: false,
      })
      const all = await acquired(observed, 5)
      expect(Math.max(...inFlightOf(observed))).toBe(2)
      await expect(observed.lb.acquire('users')).rejects.toThrow('(maxInFlight 5, maxInFlightPerInstance 2)')
      for (const each of all) each.done(good)
      expect(inFlightOf(observed)).toEqual([0, 0, 0])
    },
  )
})

type Step = { readonly kind: 'call' } | { readonly kind: 'end' | 'abort'; readonly which: number }

/** Calls, their ends and aborts in any order, next to a model: a queue in front of two kinds of limits. */
async function run(steps: readonly Step[], maxInFlight: number, perInstance: number, maxSize: number): Promise<void> {
  const queue = { maxSize, maxWaitMs: 1_000_000 }
  const limits = { maxInFlight, maxInFlightPerInstance: perInstance }
  const observed = new ObservedLoadBalancer(three, { ...limits, queue })
  await observed.lb.ready('users')
  const capacity = Math.min(maxInFlight, 3 * perInstance)
  const notes: string[] = []
  const expected: string[] = []
  const running: { readonly name: string; readonly done: () => void }[] = []
  let waiting: { readonly name: string; readonly abort: () => void }[] = []
  let modelRunning: string[] = []
  const admit = (): void => {
    while (modelRunning.length < capacity && waiting.length > 0) {
      const { name } = waiting.shift() as { name: string }
      modelRunning.push(name)
      expected.push(`${name} in`)
    }
  }
  for (const [index, step] of steps.entries()) {
    const name = `${index}`
    if (step.kind === 'call') {
      const controller = new AbortController()
      observed.lb.acquire('users', { signal: controller.signal }).then(
        (picked) => {
          notes.push(`${name} in`)
          running.push({ name, done: () => picked.done(good) })
        },
        (error: Error) => notes.push(`${name} ${error instanceof OverloadedError ? 'refused' : 'aborted'}`),
      )
      if (waiting.length < maxSize || modelRunning.length < capacity) {
        waiting.push({ name, abort: () => controller.abort() })
      } else expected.push(`${name} refused`)
    } else if (step.kind === 'end' && running.length > 0) {
      const [ended] = running.splice(step.which % running.length, 1)
      modelRunning = modelRunning.filter((each) => each !== ended?.name)
      ended?.done()
    } else if (step.kind === 'abort' && waiting.length > 0) {
      const aborted = waiting[step.which % waiting.length]
      waiting = waiting.filter((each) => each !== aborted)
      aborted?.abort()
      expected.push(`${aborted?.name} aborted`)
    }
    admit()
    await settlePromises()
    expect(notes).toEqual(expected)
    expect([observed.inFlight, observed.lb.inspect('users').queued]).toEqual([modelRunning.length, waiting.length])
    expect(Math.max(...inFlightOf(observed))).toBeLessThanOrEqual(perInstance)
  }
  await observed.lb.close()
  expect(observed.clock.pendingTimers).toBe(0)
}

it('is never above the limits, lets nobody wait while there is room, and serves in order', async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'call' as const }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(50) }) },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(1, 2, 5, Number.POSITIVE_INFINITY),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 6 }),
      run,
    ),
    { seed: 20_240_607, numRuns: 60 },
  )
})
