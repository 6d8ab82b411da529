import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { ExecuteOptions } from '../src/index.ts'
import { ObservedLoadBalancer, refused, reset } from './observed-load-balancer.ts'

const three = ['a:1', 'b:1', 'c:1']

function failure(fields: object, message = 'failed'): Error {
  return Object.assign(new Error(message), fields)
}

/** 30 idempotent calls whose attempts all throw `error`: how many attempts, and in which states they leave the instances. */
async function thrown(
  error: unknown,
  options: ExecuteOptions = {},
  balancer: 'round-robin' | 'peak-ewma' = 'round-robin',
): Promise<{ attempts: number; states: Set<string> }> {
  const observed = new ObservedLoadBalancer(three, { balancer })
  let attempts = 0
  for (let call = 0; call < 30; call++) {
    const ended = observed.lb.execute(
      'users',
      () => {
        attempts++
        throw error
      },
      { idempotent: true, ...options },
    )
    await observed.settle(ended, 80).catch(() => {})
  }
  return { attempts, states: new Set(Object.values(observed.states)) }
}

const onceAndAllAvailable = { attempts: 30, states: new Set(['available']) }

describe('what an error means', () => {
  it.each([
    ['a plain error', new Error('user not found')],
    ['an error of validation', failure({ name: 'ZodError', issues: [] })],
    ['a unique violation', failure({ code: '23505' })],
    ['a 404 of got', failure({ code: 'ERR_NON_2XX_3XX_RESPONSE', response: { statusCode: 404 } })],
    ['a 404 of the AWS SDK', failure({ $metadata: { httpStatusCode: 404 } })],
    ['NOT_FOUND of gRPC', failure({ code: 5, details: 'none', metadata: {} })],
    ['a string', 'odd'],
    ['no descriptor left in this process', failure({ code: 'EMFILE', syscall: 'connect' })],
    ['a mistake in the program', new TypeError('x is not a function')],
  ])('%s: thrown on, not repeated, and no instance is blamed', async (_name, error) => {
    expect(await thrown(error)).toEqual(onceAndAllAvailable)
    expect(await thrown(error, {}, 'peak-ewma')).toEqual(onceAndAllAvailable)
  })

  it('no local port left: repeated elsewhere, and no instance is blamed', async () => {
    const { attempts, states } = await thrown(failure({ code: 'EADDRNOTAVAIL', syscall: 'connect' }))
    expect(attempts).toBeGreaterThan(30)
    expect(states).toEqual(new Set(['available']))
  })

  it.each([
    ['a reset', reset],
    ['a refused connection', refused],
    ['the failed fetch of a browser', new TypeError('Failed to fetch')],
    ['a 502 of got', failure({ response: { statusCode: 502 } })],
    ['UNAVAILABLE of gRPC', failure({ code: 14, details: 'down', metadata: {} })],
  ])('%s: repeated, and counted against the instance', async (_name, error) => {
    const { attempts, states } = await thrown(error)
    expect(attempts).toBeGreaterThan(30)
    expect(states).toContain('ejected')
  })

  it('is overridden by classify, either way', async () => {
    const counted = await thrown(new Error('odd'), { classify: () => ({ ok: false, retry: 'never' }) })
    expect(counted.attempts).toBe(30)
    expect(counted.states).toContain('ejected')
    const excused = await thrown(refused, { classify: () => ({ ok: false, blame: 'none' }) })
    expect(excused).toEqual(onceAndAllAvailable)
  })

  it('counts for an outcome that is reported, too', async () => {
    const observed = new ObservedLoadBalancer(three)
    await observed.lb.ready('users')
    const report = async (error: unknown): Promise<void> => {
      for (let request = 0; request < 30; request++) {
        const { done } = await observed.lb.acquire('users')
        done({ ok: false, latencyMs: 1, error })
      }
    }
    await report(new Error('user not found'))
    expect(new Set(Object.values(observed.states))).toEqual(new Set(['available']))
    await report(refused)
    expect(Object.values(observed.states)).toContain('ejected')
  })

  it('leaves the probe of an ejected instance undecided when it is no fault of the instance', async () => {
    const observed = new ObservedLoadBalancer(['a:1', 'b:1'])
    const call = (error?: Error): Promise<unknown> =>
      observed.settle(
        observed.lb.execute(
          'users',
          ({ id }) => {
            if (id === 'a:1' && error !== undefined) throw error
          },
          { idempotent: true, retry: { maxRetries: 1 } },
        ),
        10,
      )
    for (let index = 0; index < 12; index++) await call(refused)
    expect(observed.states['a:1']).toBe('ejected')
    await observed.clock.advance(60_000)
    expect(observed.states['a:1']).toBe('half-open')
    for (let index = 0; index < 4; index++) await call(failure({ code: 'EMFILE' })).catch(() => {})
    expect(observed.states['a:1']).toBe('half-open')
    for (let index = 0; index < 4; index++) await call()
    expect(observed.states['a:1']).toBe('available')
  })
})

describe('an attempt that timed out', () => {
  const timedOut = [
    ['its own limit', { retry: { attemptTimeoutMs: 400 } }, undefined],
    ["the transport's limit", {}, failure({ code: 'UND_ERR_HEADERS_TIMEOUT' })],
    ['the limit of a connection', {}, failure({ code: 'ETIMEDOUT', syscall: 'connect' })],
    ["the client's limit", {}, failure({ name: 'TimeoutError' })],
  ] as const

  async function attemptsOf(list: readonly string[], options: object, error: Error | undefined): Promise<string[]> {
    const observed = new ObservedLoadBalancer(list, options)
    const tried: string[] = []
    const call = observed.lb.execute(
      'users',
      ({ id }) => {
        tried.push(id)
        if (id === 'c:1') throw reset
        if (error !== undefined) throw error
        return new Promise(() => {})
      },
      { idempotent: true },
    )
    await observed.settle(call).catch(() => {})
    return tried
  }

  it.each(timedOut)('by %s is not repeated at the only instance', async (_name, options, error) => {
    expect(await attemptsOf(['a:1'], options, error)).toEqual(['a:1'])
  })

  it.each(timedOut)('by %s is repeated once at each other instance', async (_name, options, error) => {
    expect(await attemptsOf(['a:1', 'b:1'], options, error)).toEqual(['a:1', 'b:1'])
  })

  it.each(timedOut)('by %s does not go back to where it timed out', async (_name, options, error) => {
    expect(await attemptsOf(['a:1', 'c:1'], options, error)).toEqual(['a:1', 'c:1', 'c:1'])
  })

  it('does not keep a connection that broke from being made again, at the only instance', async () => {
    const observed = new ObservedLoadBalancer(['a:1'])
    const call = observed.lb.execute(
      'users',
      (_instance, { number }) => (number === 1 ? Promise.reject(reset) : number),
      {
        idempotent: true,
      },
    )
    expect(await observed.settle(call)).toBe(2)
  })
})

describe('a value that is given up for a retry', () => {
  const unwanted = { ok: false, statusCode: 503, retry: 'always' } as const

  async function retried(value: unknown, options: ExecuteOptions = {}): Promise<unknown> {
    const observed = new ObservedLoadBalancer(three)
    const attempt = (_instance: unknown, { number }: { number: number }): unknown => (number === 1 ? value : 'good')
    const call = observed.lb.execute('users', attempt, {
      idempotent: true,
      ...(options.discard !== undefined && {
        classify: (result) => (result.ok && result.value === value ? unwanted : undefined),
      }),
      ...options,
    })
    return observed.settle(call)
  }

  /** A response of a fetch whose body is `body`. */
  function response(body: unknown): unknown {
    return Object.assign(Object.create({ [Symbol.toStringTag]: 'Response' }), {
      status: 503,
      headers: new Headers(),
      body,
    })
  }

  it.each([
    ["Node's stream", () => new Readable({ read: () => {} })],
    ['a body without cancel', () => ({})],
    ['a cancel that throws', () => ({ getReader: () => {}, cancel: () => expect.fail('no') })],
    ['a cancel that rejects', () => ({ getReader: () => {}, cancel: async () => expect.fail('no') })],
    ['no body', () => null],
  ])('may have a body that is %s', async (_name, body) => {
    const given = body()
    expect(await retried(response(given))).toBe('good')
    if (given instanceof Readable) expect(given.destroyed).toBe(true)
  })

  it.each([
    ['throws', () => expect.fail('no')],
    ['rejects', async () => expect.fail('no')],
  ])('may have a discard that %s', async (_name, discard) => {
    expect(await retried({}, { discard: discard as () => void })).toBe('good')
  })

  it('may be an error whose response has a stream', async () => {
    const data = new Readable({ read: () => {} })
    const observed = new ObservedLoadBalancer(three)
    const call = observed.lb.execute(
      'users',
      (_instance, { number }) => {
        if (number === 1) throw failure({ response: { status: 503, data } })
        return 'good'
      },
      { idempotent: true },
    )
    expect(await observed.settle(call)).toBe('good')
    expect(data.destroyed).toBe(true)
  })
})
