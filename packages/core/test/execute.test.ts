import { FakeClock, FakeDiscovery, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { type AttemptFunction, type ExecuteOptions, InvalidOptionError, LoadBalancer } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']

/** An attempt that fails with `error` on the given instances, and gives the id of the one it succeeded on. */
function failingOn(ids: readonly string[], error: Error): { tried: string[]; attempt: AttemptFunction<string> } {
  const tried: string[] = []
  return {
    tried,
    attempt: async ({ id }) => {
      tried.push(id)
      if (ids.includes(id)) throw error
      return id
    },
  }
}

describe('execute', () => {
  it('gives what the attempt gives', async () => {
    const { lb, clock } = new ObservedLoadBalancer(three)
    const value = { some: 'value' }
    expect(await lb.execute('users', async () => value)).toBe(value)
    expect(await lb.execute('users', () => value)).toBe(value)
    expect(await lb.execute('users', async () => undefined)).toBeUndefined()
    expect(clock.pendingForegroundTimers).toBe(0)
  })

  it('runs the attempt once when it succeeds, on the instance that is due', async () => {
    const observed = new ObservedLoadBalancer(three)
    const { tried, attempt } = failingOn([], reset)
    for (let call = 0; call < 4; call++) await observed.lb.execute('users', attempt)
    expect(tried).toEqual(['a:1', 'b:1', 'c:1', 'a:1'])
    expect(observed.finished).toEqual(tried)
    expect(observed.eventsOf('retry')).toEqual([])
  })

  it('tells the attempt its number, its signal, the time and who was tried before', async () => {
    const observed = new ObservedLoadBalancer(three, { random: () => 0.5, balancer: 'round-robin' })
    const seen: unknown[] = []
    const call = observed.lb.execute('users', async ({ id }, { number, signal, previous, elapsedMs }) => {
      expect(signal).toBeInstanceOf(AbortSignal)
      expect(signal.aborted).toBe(false)
      seen.push({ id, number, previous: previous.map((instance) => instance.id), elapsedMs })
      if (number < 3) throw refused
    })
    await observed.settle(call)
    // Half of 25 ms, then half of 50 ms.
    expect(seen).toEqual([
      { id: 'b:1', number: 1, previous: [], elapsedMs: 0 },
      { id: 'c:1', number: 2, previous: ['b:1'], elapsedMs: 12.5 },
      { id: 'a:1', number: 3, previous: ['b:1', 'c:1'], elapsedMs: 37.5 },
    ])
  })

  it('gives each attempt a list of its own of who was tried before', async () => {
    const observed = new ObservedLoadBalancer(three)
    const lists: (readonly unknown[])[] = []
    await observed
      .settle(
        observed.lb.execute('users', async (_instance, { previous }) => {
          lists.push(previous)
          throw refused
        }),
      )
      .catch(() => {})
    expect(lists.map((list) => list.length)).toEqual([0, 1, 2])
  })

  it('waits for the first list', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery('wait')
    const lb = new LoadBalancer({ discovery, clock })
    const call = lb.execute('users', async ({ id }) => id)
    await clock.advance(1_000)
    discovery.release(['a:1'])
    expect(await call).toBe('a:1')
  })
})

describe('a retry', () => {
  it('goes to another instance', async () => {
    const observed = new ObservedLoadBalancer(three)
    const { tried, attempt } = failingOn(['a:1', 'b:1'], refused)
    expect(await observed.settle(observed.lb.execute('users', attempt))).toBe('c:1')
    expect(tried).toEqual(['a:1', 'b:1', 'c:1'])
    expect(observed.finished).toEqual(['a:1', 'b:1', 'c:1'])
  })

  it('never goes to the same instance while another is untried, with any balancer', async () => {
    for (const balancer of ['round-robin', 'smooth-weighted-round-robin', 'grouped', 'random'] as const) {
      const observed = new ObservedLoadBalancer(['a:1', { host: 'b', port: 1, weight: 50 }, 'c:1', 'd:1'], {
        balancer,
        random: seededRandom(5),
        retry: { maxRetries: 3, budget: false },
      })
      for (let call = 0; call < 50; call++) {
        const { tried, attempt } = failingOn(['a:1', 'b:1', 'c:1', 'd:1'], refused)
        await observed.settle(observed.lb.execute('users', attempt)).catch(() => {})
        expect(tried.toSorted(), balancer).toEqual(['a:1', 'b:1', 'c:1', 'd:1'])
      }
    }
  })

  it('prefers an instance the caller avoids to one that was tried', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    for (let call = 0; call < 4; call++) {
      const { tried, attempt } = failingOn(['a:1'], refused)
      await observed.settle(observed.lb.execute('users', attempt, { avoid: new Set(['b:1']) })).catch(() => {})
      expect(tried).toEqual(['a:1', 'b:1'])
    }
  })

  it('falls back to an instance that was tried when there is no other', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const { tried, attempt } = failingOn(['a:1'], refused)
    await expect(observed.settle(observed.lb.execute('users', attempt))).rejects.toBe(refused)
    expect(tried).toEqual(['a:1', 'a:1', 'a:1'])
  })

  it('takes nobody away from the caller who avoids nobody', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    const avoid = new Set<string>()
    const { attempt } = failingOn(['a:1'], refused)
    await observed.settle(observed.lb.execute('users', attempt, { avoid }))
    expect(avoid).toEqual(new Set())
  })

  it('happens at most maxRetries times, twice by default', async () => {
    for (const [maxRetries, expected] of [
      [undefined, 3],
      [0, 1],
      [1, 2],
      [7, 8],
    ] as const) {
      const retry = maxRetries === undefined ? {} : { maxRetries }
      for (const [service, options] of [
        [{ retry }, {}],
        [{}, { retry }],
      ] as const) {
        const observed = new ObservedLoadBalancer(three, service)
        const { tried, attempt } = failingOn(three, refused)
        await expect(observed.settle(observed.lb.execute('users', attempt, options))).rejects.toBe(refused)
        expect(tried).toHaveLength(expected)
      }
    }
  })

  it('does not happen with retry false, of the service or of the call', async () => {
    for (const [service, options] of [
      [{ retry: false as const }, {}],
      [{}, { retry: false as const }],
    ] as const) {
      const observed = new ObservedLoadBalancer(three, service)
      const { tried, attempt } = failingOn(three, refused)
      await expect(observed.settle(observed.lb.execute('users', attempt, options))).rejects.toBe(refused)
      expect(tried).toEqual(['a:1'])
    }
  })

  it('gives the caller the failure of the last attempt', async () => {
    const observed = new ObservedLoadBalancer(three)
    const call = observed.lb.execute('users', async (_instance, { number }) => {
      throw Object.assign(new Error(`attempt ${number}`), { code: 'ECONNREFUSED' })
    })
    await expect(observed.settle(call)).rejects.toThrow('attempt 3')
  })

  it('is told as an event, with the instance that failed and the delay', async () => {
    const observed = new ObservedLoadBalancer(three, { random: () => 0.5 })
    const { attempt } = failingOn(['b:1'], refused)
    await observed.settle(observed.lb.execute('users', attempt))
    expect(observed.eventsOf('retry')).toMatchObject([
      { service: 'users', instance: { id: 'b:1' }, number: 1, error: refused, delayMs: 12.5 },
    ])
  })

  it('does not happen when the budget is spent, and that is told', async () => {
    const budget = { ratio: 0, minPerSecond: 0.1 }
    const observed = new ObservedLoadBalancer(three, { retry: { budget } })
    expect(observed.lb.inspect('users').retryBudget).toBe(1)
    const { tried, attempt } = failingOn(three, refused)
    await expect(observed.settle(observed.lb.execute('users', attempt), 1_000)).rejects.toBe(refused)
    expect(tried).toEqual(['a:1', 'b:1'])
    expect(observed.eventsOf('retry-budget-exhausted')).toMatchObject([{ service: 'users', instance: { id: 'b:1' } }])
    expect(observed.lb.inspect('users').retryBudget).toBe(0)
  })

  it('has a budget for each service', async () => {
    const observed = new ObservedLoadBalancer(three, { retry: { budget: { ratio: 0, minPerSecond: 0.1 } } })
    observed.discovery.set('orders', ['o:1'])
    await observed.settle(observed.lb.execute('users', failingOn(three, refused).attempt), 100).catch(() => {})
    const { tried, attempt } = failingOn(['o:1'], refused)
    await observed.settle(observed.lb.execute('orders', attempt), 100).catch(() => {})
    expect(tried).toHaveLength(2)
  })

  it('finds no instance when all went away meanwhile', async () => {
    const observed = new ObservedLoadBalancer(['a:1'], { emptyGraceMs: 0 })
    const call = observed.lb.execute('users', async () => {
      observed.discovery.set('users', [])
      throw refused
    })
    await expect(observed.settle(call)).rejects.toMatchObject({ code: 'LB_NO_AVAILABLE_INSTANCE' })
    expect(observed.inFlight).toBe(0)
  })
})

describe('what is retried', () => {
  it('is not a request that is not idempotent and may have been executed', async () => {
    const observed = new ObservedLoadBalancer(three)
    const { tried, attempt } = failingOn(three, reset)
    await expect(observed.settle(observed.lb.execute('users', attempt))).rejects.toBe(reset)
    await expect(observed.settle(observed.lb.execute('users', attempt, { idempotent: false }))).rejects.toBe(reset)
    expect(tried).toEqual(['a:1', 'b:1'])
  })

  it('is any request that provably never reached an instance', async () => {
    const observed = new ObservedLoadBalancer(three)
    const { tried, attempt } = failingOn(['a:1'], refused)
    expect(await observed.settle(observed.lb.execute('users', attempt))).toBe('b:1')
    expect(tried).toEqual(['a:1', 'b:1'])
  })

  it('is an idempotent request after a reset', async () => {
    const observed = new ObservedLoadBalancer(three)
    const { tried, attempt } = failingOn(['a:1', 'b:1'], reset)
    expect(await observed.settle(observed.lb.execute('users', attempt, { idempotent: true }))).toBe('c:1')
    expect(tried).toEqual(['a:1', 'b:1', 'c:1'])
  })

  it('is not a mistake in the attempt itself', async () => {
    const observed = new ObservedLoadBalancer(three)
    const mistake = new TypeError('x is not a function')
    const { tried, attempt } = failingOn(three, mistake)
    await expect(observed.settle(observed.lb.execute('users', attempt, { idempotent: true }))).rejects.toBe(mistake)
    expect(tried).toHaveLength(1)
  })

  it('is what classify says', async () => {
    const observed = new ObservedLoadBalancer(three)
    const seen: unknown[] = []
    const call = observed.lb.execute('users', async ({ id }) => id, {
      classify: (result) => {
        seen.push(result)
        return result.ok && result.value === 'a:1' ? { ok: false, statusCode: 299, retry: 'always' } : undefined
      },
    })
    expect(await observed.settle(call)).toBe('b:1')
    expect(seen).toEqual([
      { ok: true, value: 'a:1' },
      { ok: true, value: 'b:1' },
    ])
    expect(observed.eventsOf('request-finished')).toMatchObject([
      { outcome: { ok: false, statusCode: 299 } },
      { outcome: { ok: true } },
    ])
  })

  it('is not what classify calls never, whatever the error', async () => {
    const observed = new ObservedLoadBalancer(three)
    const { tried, attempt } = failingOn(three, refused)
    const classify = (): { ok: boolean; retry: 'never' } => ({ ok: true, retry: 'never' })
    await expect(observed.settle(observed.lb.execute('users', attempt, { classify }))).rejects.toBe(refused)
    expect(tried).toHaveLength(1)
    expect(observed.eventsOf('request-finished')).toMatchObject([{ outcome: { ok: true, error: refused } }])
  })

  it('is a status of retry.statusCodes when classify leaves it open', async () => {
    const observed = new ObservedLoadBalancer(three, { retry: { statusCodes: [429] } })
    const call = observed.lb.execute('users', async ({ id }) => id, {
      idempotent: true,
      classify: (result) => ({ ok: true, statusCode: result.ok && result.value === 'a:1' ? 429 : 503 }),
    })
    expect(await observed.settle(call)).toBe('b:1')
  })
})

describe('a fetch Response', () => {
  const respond =
    (statuses: Readonly<Record<string, number>>): AttemptFunction<Response> =>
    async ({ id }) =>
      new Response(`from ${id}`, { status: statuses[id] ?? 200 })

  it.each([500, 502, 503, 504])('with status %i is retried when idempotent', async (status) => {
    const observed = new ObservedLoadBalancer(three)
    const response = await observed.settle(
      observed.lb.execute('users', respond({ 'a:1': status }), { idempotent: true }),
    )
    expect(await response.text()).toBe('from b:1')
    expect(observed.eventsOf('request-finished')).toMatchObject([
      { outcome: { ok: false, statusCode: status } },
      { outcome: { ok: true, statusCode: 200 } },
    ])
    expect(observed.eventsOf('retry')).toMatchObject([{ error: `status ${status}` }])
  })

  it.each([200, 304, 400, 404, 429, 501, 505])('with status %i is an answer', async (status) => {
    const observed = new ObservedLoadBalancer(three)
    const attempt: AttemptFunction<Response> = async () => new Response(null, { status })
    const response = await observed.settle(observed.lb.execute('users', attempt, { idempotent: true }))
    expect(response.status).toBe(status)
    expect(observed.eventsOf('request-finished')).toMatchObject([{ outcome: { ok: status < 500, statusCode: status } }])
  })

  it('is not retried when the request is not idempotent', async () => {
    const observed = new ObservedLoadBalancer(three)
    const response = await observed.settle(observed.lb.execute('users', respond({ 'a:1': 503 })))
    expect(response.status).toBe(503)
    expect(await response.text()).toBe('from a:1')
  })

  it('is given to the caller when every attempt ends with a status', async () => {
    const observed = new ObservedLoadBalancer(three)
    const all = respond({ 'a:1': 500, 'b:1': 502, 'c:1': 503 })
    const response = await observed.settle(observed.lb.execute('users', all, { idempotent: true }))
    expect(response.status).toBe(503)
    expect(response.bodyUsed).toBe(false)
  })

  it('has its body cancelled when it is given up for a retry, and only then', async () => {
    const observed = new ObservedLoadBalancer(three)
    const cancelled: string[] = []
    const response = await observed.settle(
      observed.lb.execute(
        'users',
        async ({ id }) => {
          const body = new ReadableStream({ cancel: () => void cancelled.push(id) })
          return new Response(body, { status: id === 'c:1' ? 200 : 503 })
        },
        { idempotent: true },
      ),
    )
    expect(cancelled).toEqual(['a:1', 'b:1'])
    expect(response.body?.locked).toBe(false)
  })

  it('whose body is being read, or is none, can be given up as well', async () => {
    const observed = new ObservedLoadBalancer(three)
    const call = observed.lb.execute(
      'users',
      async (_instance, { number }) => {
        if (number === 1) return new Response(null, { status: 503 })
        const response = new Response('x', { status: number === 2 ? 503 : 200 })
        if (number === 2) response.body?.getReader()
        return response
      },
      { idempotent: true },
    )
    expect((await observed.settle(call)).status).toBe(200)
  })

  it('goes to discard instead, when there is one', async () => {
    const observed = new ObservedLoadBalancer(three)
    const discarded: Response[] = []
    const response = await observed.settle(
      observed.lb.execute('users', respond({ 'a:1': 503, 'b:1': 503 }), {
        idempotent: true,
        discard: (value) => discarded.push(value),
      }),
    )
    expect(discarded.map(({ status }) => status)).toEqual([503, 503])
    expect(discarded.map(({ bodyUsed }) => bodyUsed)).toEqual([false, false])
    expect(response.status).toBe(200)
  })
})

describe('discard', () => {
  it('gets each value that is given up for a retry, and never the one the caller gets', async () => {
    const observed = new ObservedLoadBalancer(three)
    const discarded: string[] = []
    const call = observed.lb.execute('users', async ({ id }) => id, {
      classify: () => ({ ok: false, retry: 'always' }),
      discard: (value) => discarded.push(value),
    })
    expect(await observed.settle(call)).toBe('c:1')
    expect(discarded).toEqual(['a:1', 'b:1'])
  })
})

describe('bad options of execute', () => {
  it.each([
    [null, 'options', 'options must be an object, got null (object)'],
    ['x', 'options', 'options must be an object, got "x" (string)'],
    [{ idempotnet: true }, 'options.idempotnet', /is not a known option\. Did you mean idempotent\?$/],
    [{ signal: {} }, 'options.signal', /must be an AbortSignal, got an object/],
    [{ signal: null }, 'options.signal', /must be an AbortSignal, got null/],
    [{ timeoutMs: -1 }, 'options.timeoutMs', /must be a number of milliseconds in .+, or Infinity, got -1/],
    [{ timeoutMs: '5' }, 'options.timeoutMs', /got "5" \(string\)/],
    [{ retryWithinMs: Number.NaN }, 'options.retryWithinMs', /got NaN/],
    [{ classify: 1 }, 'options.classify', /must be a function, got 1/],
    [{ discard: 1 }, 'options.discard', /must be a function, got 1/],
    [{ avoid: ['a:1'] }, 'options.avoid', /must be a Set of ids, got an array of 1/],
    [{ idempotent: 'yes' }, 'options.idempotent', /must be a boolean, got "yes"/],
    [{ hashKey: 5 }, 'options.hashKey', /must be a string, got 5/],
    [{ retry: null }, 'options.retry', /must be an object, got null/],
    [{ retry: { maxRetrys: 1 } }, 'options.retry.maxRetrys', /Did you mean maxRetries\?$/],
    [{ retry: { maxRetries: -1 } }, 'options.retry.maxRetries', /must be an integer in \[0, 100\], got -1/],
    [{ retry: { budget: {} } }, 'options.retry.budget', /must be absent: a budget belongs to the service/],
  ])('are refused: %j', async (options, option, message) => {
    const { lb } = new ObservedLoadBalancer(three)
    let attempts = 0
    const call = lb.execute('users', () => attempts++, options as unknown as ExecuteOptions<number>)
    const error: unknown = await call.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({
      option,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    })
    expect(attempts).toBe(0)
  })

  it.each([[null], [undefined], [{}]])('include the attempt %j', async (attempt) => {
    const { lb } = new ObservedLoadBalancer(three)
    await expect(lb.execute('users', attempt as unknown as AttemptFunction<void>)).rejects.toMatchObject({
      code: 'LB_INVALID_OPTION',
      option: 'attempt',
      message: expect.stringMatching(/^attempt must be a function, got /),
    })
  })
})
