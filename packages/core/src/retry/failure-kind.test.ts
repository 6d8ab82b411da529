import { describe, expect, it } from 'vitest'
import {
  DeadlineExceededError,
  LoadBalancerClosedError,
  NoAvailableInstanceError,
  OverloadedError,
} from '../base/errors.ts'
import { failureKind, failureMode } from './failure-kind.ts'

function coded(code: string): Error {
  return Object.assign(new Error(code), { code })
}

describe('failureKind', () => {
  it.each([500, 502, 503, 504, 599])(
    'takes status %d for an error of the server, whatever was thrown',
    (statusCode) => {
      expect(failureKind({ statusCode })).toBe('server')
      expect(failureKind({ statusCode, error: new TypeError('x') })).toBe('server')
    },
  )

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EPIPE', 'UND_ERR_SOCKET', 'CERT_HAS_EXPIRED'])(
    'takes %s for a connection that failed, also as a cause',
    (code) => {
      expect(failureKind({ error: coded(code) })).toBe('connect')
      expect(failureKind({ error: new TypeError('fetch failed', { cause: coded(code) }) })).toBe('connect')
    },
  )

  it('takes a time limit for a connection that failed', () => {
    expect(failureKind({ error: new DeadlineExceededError('late') })).toBe('connect')
    expect(failureKind({ error: new DOMException('late', 'TimeoutError') })).toBe('connect')
  })

  it('judges an error with a status by that', () => {
    expect(failureKind({ error: Object.assign(new Error('x'), { status: 503 }) })).toBe('server')
    expect(failureKind({ error: Object.assign(new Error('x'), { status: 404 }) })).toBeUndefined()
  })

  it.each([
    [2, 'server'],
    [13, 'server'],
    [4, 'connect'],
    [14, 'connect'],
    [5, undefined],
  ])('judges gRPC status %d as %s', (code, kind) => {
    expect(failureKind({ error: Object.assign(new Error('x'), { code, details: 'x', metadata: {} }) })).toBe(kind)
  })

  it('goes by what the caller says of a failure', () => {
    expect(failureKind({ error: new Error('odd'), blame: 'instance' })).toBe('server')
    expect(failureKind({ error: coded('ECONNREFUSED'), blame: 'none' })).toBeUndefined()
    expect(failureKind({ statusCode: 503, blame: 'none' })).toBeUndefined()
  })

  it('takes a connection that breaks within a good answer for one that failed', () => {
    expect(failureKind({ statusCode: 200, error: coded('ECONNRESET') })).toBe('connect')
    expect(failureKind({ statusCode: 499, error: coded('ECONNRESET') })).toBe('connect')
  })

  it('takes an answer that the application calls a failure for an error of the server', () => {
    expect(failureKind({ statusCode: 429 })).toBe('server')
    expect(failureKind({})).toBe('server')
  })

  it.each([
    new Error('who knows'),
    'who knows',
    null,
    coded('EMFILE'),
    coded('EADDRNOTAVAIL'),
    new TypeError('x'),
    new RangeError('x'),
    new ReferenceError('x'),
    new SyntaxError('x'),
    new DOMException('x', 'AbortError'),
    Object.assign(new Error('x'), { name: 'CanceledError', code: 'ERR_CANCELED' }),
    Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' }),
    new NoAvailableInstanceError('x'),
    new OverloadedError('x'),
    new LoadBalancerClosedError('x'),
  ])('blames no instance for %s', (error) => {
    expect(failureKind({ error })).toBeUndefined()
  })

  it('blames no instance when the caller went away, whatever came of it', () => {
    expect(failureKind({ cancelled: true, error: coded('ECONNRESET') })).toBeUndefined()
    expect(failureKind({ cancelled: true, statusCode: 503 })).toBeUndefined()
    expect(failureKind({ cancelled: true })).toBeUndefined()
  })
})

describe('the mode of a failure', () => {
  const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })

  it.each([
    ['a refused connection', coded('ECONNREFUSED'), 1, 'refused'],
    ['one that took as long as an address without a host', coded('EHOSTUNREACH'), 3_000, 'connect'],
    ['a reset, however late', coded('ECONNRESET'), 20_000, 'broken'],
    ['refused and reset together', new AggregateError([coded('ECONNREFUSED'), coded('ECONNRESET')]), 1, 'broken'],
    ['refused and too late together', new AggregateError([coded('ECONNREFUSED'), coded('ETIMEDOUT')]), 1, 'connect'],
    ['the slowest refusal', coded('ECONNREFUSED'), 1_000, 'refused'],
    ['a connection that timed out', coded('UND_ERR_CONNECT_TIMEOUT'), 500, 'connect'],
    ['a deadline of the load balancer', new DeadlineExceededError('x'), 1, 'connect'],
    ['no error at all', undefined, 1, 'server'],
    ['a mistake of the caller', new TypeError('x'), 1, undefined],
  ])('of %s', (_, error, latencyMs, mode) => {
    expect(failureMode({ ok: false, latencyMs, error })).toBe(mode)
  })

  it('is none for what went well, or was cancelled', () => {
    expect(failureMode({ ok: true, latencyMs: 1 })).toBeUndefined()
    expect(failureMode({ ok: false, latencyMs: 1, error: coded('ECONNREFUSED'), cancelled: true })).toBeUndefined()
  })
})
