import { describe, expect, it } from 'vitest'
import {
  DeadlineExceededError,
  DiscoveryError,
  errorCodes,
  InvalidInstanceError,
  InvalidOptionError,
  LoadBalancerClosedError,
  LoadBalancerError,
  NoAvailableInstanceError,
  OverloadedError,
  UnknownInstanceError,
  UnknownServiceError,
} from './errors.ts'

const every = [
  { type: NoAvailableInstanceError, error: new NoAvailableInstanceError('m'), code: 'LB_NO_AVAILABLE_INSTANCE' },
  { type: DiscoveryError, error: new DiscoveryError('m'), code: 'LB_DISCOVERY' },
  { type: InvalidInstanceError, error: new InvalidInstanceError('port', 'm'), code: 'LB_INVALID_INSTANCE' },
  { type: InvalidOptionError, error: new InvalidOptionError('retry', 'm'), code: 'LB_INVALID_OPTION' },
  { type: DeadlineExceededError, error: new DeadlineExceededError('m'), code: 'LB_DEADLINE_EXCEEDED' },
  { type: OverloadedError, error: new OverloadedError('m'), code: 'LB_OVERLOADED' },
  { type: LoadBalancerClosedError, error: new LoadBalancerClosedError('m'), code: 'LB_CLOSED' },
  { type: UnknownServiceError, error: new UnknownServiceError('m'), code: 'LB_UNKNOWN_SERVICE' },
  { type: UnknownInstanceError, error: new UnknownInstanceError('m'), code: 'LB_UNKNOWN_INSTANCE' },
]

describe('errors', () => {
  it.each(every)('$type.name has its code, name and message', ({ type, error, code }) => {
    expect(error).toMatchObject({ code, name: type.name, message: 'm' })
    expect(type.code).toBe(code)
    expect(error.stack).toContain(`${type.name}: m`)
  })

  it('lists every code once', () => {
    expect(every.map(({ code }) => code).sort()).toEqual([...errorCodes].sort())
    expect(new Set(errorCodes).size).toBe(errorCodes.length)
  })

  it('is an instance of Error, of the base and of its own class only', () => {
    for (const { type, error } of every) {
      expect(error).toBeInstanceOf(Error)
      expect(error).toBeInstanceOf(LoadBalancerError)
      expect(every.filter((other) => error instanceof other.type).map((other) => other.type)).toEqual([type])
    }
  })

  it('carries the service and the cause when they are given', () => {
    const cause = new Error('refused')
    const error = new DiscoveryError('m', { service: 'users', cause })
    expect(error).toMatchObject({ service: 'users', cause })
    expect(new DiscoveryError('m').service).toBeUndefined()
    expect('cause' in new DiscoveryError('m')).toBe(false)
  })

  it('names the field or option at fault', () => {
    expect(new InvalidInstanceError('port', 'm').field).toBe('port')
    expect(new InvalidOptionError('retry.maxRetries', 'm').option).toBe('retry.maxRetries')
  })

  it('recognises errors of another copy of the package', () => {
    const foreign = Object.assign(new Error('m'), { [Symbol.for('@lb/core.error-code')]: 'LB_DISCOVERY' })
    expect(foreign).toBeInstanceOf(DiscoveryError)
    expect(foreign).toBeInstanceOf(LoadBalancerError)
    expect(foreign).not.toBeInstanceOf(NoAvailableInstanceError)
  })

  it('does not take for its own what only looks alike', () => {
    for (const value of [null, undefined, 'LB_DISCOVERY', new Error('m'), { code: 'LB_DISCOVERY' }]) {
      expect(value instanceof LoadBalancerError).toBe(false)
    }
  })

  it('tells classes derived by others apart as usual', () => {
    class ZoneError extends DiscoveryError {
      constructor(message: string) {
        super(message, { name: 'ZoneError' })
      }
    }
    expect(new ZoneError('m')).toBeInstanceOf(ZoneError)
    expect(new ZoneError('m')).toBeInstanceOf(DiscoveryError)
    expect(new DiscoveryError('m')).not.toBeInstanceOf(ZoneError)
    expect(new ZoneError('m').name).toBe('ZoneError')
  })

  it('has a name that is not that of the class, which a minifier changes', () => {
    const Minified = { ae: class extends DiscoveryError {} }.ae
    expect(new Minified('m').name).toBe('DiscoveryError')
  })

  it('is JSON with its code, its message and the chain of its causes', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      headers: { token: 'secret' },
    })
    const failed = new TypeError('fetch failed', { cause: new AggregateError([refused, 'odd'], 'all failed') })
    const error = new DiscoveryError('no list', { service: 'users', cause: failed })
    expect(JSON.parse(JSON.stringify({ error }))).toEqual({
      error: {
        name: 'DiscoveryError',
        message: 'no list',
        code: 'LB_DISCOVERY',
        service: 'users',
        cause: {
          name: 'TypeError',
          message: 'fetch failed',
          cause: {
            name: 'AggregateError',
            message: 'all failed',
            errors: [
              { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
              { name: 'Error', message: 'odd' },
            ],
          },
        },
      },
    })
    expect(JSON.parse(JSON.stringify(new InvalidInstanceError('port', 'm')))).toMatchObject({ field: 'port' })
  })

  it('is JSON of bounded size, whatever its cause is', () => {
    const circular = new Error('round')
    circular.cause = circular
    expect(JSON.stringify(new DiscoveryError('m', { cause: circular })).length).toBeLessThan(1_000)
    const many = new AggregateError(Array.from({ length: 1_000 }, () => new Error('each')))
    expect(JSON.stringify(new DiscoveryError('m', { cause: many })).length).toBeLessThan(1_000)
    for (const cause of [null, 'text', 7n, Symbol('s'), { message: 1, name: 2, code: Number.NaN }]) {
      expect(() => JSON.stringify(new DiscoveryError('m', { cause }))).not.toThrow()
    }
  })

  it('does not show the brand or the name among the own enumerable properties', () => {
    expect(Object.keys(new DiscoveryError('m', { service: 'users' })).sort()).toEqual(['code', 'service'])
  })
})
