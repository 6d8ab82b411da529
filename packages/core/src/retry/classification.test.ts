import { AssertionError } from 'node:assert'
import { describe, expect, it } from 'vitest'
import { DeadlineExceededError, DiscoveryError, LoadBalancerClosedError, NoAvailableInstanceError } from '../errors.ts'
import { classifyError, classifyStatus, defaultRetryStatusCodes } from './classification.ts'

/** An error of the platform, such as node:net throws. */
function failure(code: string, fields: object = {}): Error {
  return Object.assign(new Error(`connect ${code}`), { code }, fields)
}

/** What fetch throws, whatever went wrong. */
function fetchFailed(cause: unknown): TypeError {
  return new TypeError('fetch failed', { cause })
}

describe('classifyStatus', () => {
  it.each([100, 200, 301, 400, 404, 408, 429, 499])('takes %i for an answer', (status) => {
    expect(classifyStatus(status)).toEqual({ ok: true, statusCode: status })
  })

  it.each([500, 501, 502, 503, 504, 599])('takes %i for a failure of the instance', (status) => {
    expect(classifyStatus(status)).toEqual({ ok: false, statusCode: status })
  })

  it('leaves to the policy which statuses are retried, by default 500, 502, 503 and 504', () => {
    expect(classifyStatus(503).retry).toBeUndefined()
    expect(defaultRetryStatusCodes).toEqual([500, 502, 503, 504])
    expect(Object.isFrozen(defaultRetryStatusCodes)).toBe(true)
  })
})

describe('classifyError', () => {
  it.each([
    ['a refused connection', failure('ECONNREFUSED')],
    ['a name that does not resolve', failure('ENOTFOUND')],
    ['a resolver in trouble', failure('EAI_AGAIN')],
    ['no route', failure('EHOSTUNREACH')],
    ['no network', failure('ENETUNREACH')],
    ['no local port', failure('EADDRNOTAVAIL')],
    ['a connect that timed out', failure('ETIMEDOUT', { syscall: 'connect' })],
    ["undici's connect timeout", failure('UND_ERR_CONNECT_TIMEOUT')],
    ["Bun's refused connection", failure('ConnectionRefused')],
    ['a certificate that expired', failure('CERT_HAS_EXPIRED')],
    ['a certificate for another name', failure('ERR_TLS_CERT_ALTNAME_INVALID')],
    ['an unknown issuer', failure('UNABLE_TO_VERIFY_LEAF_SIGNATURE')],
    ['a self-signed certificate', failure('DEPTH_ZERO_SELF_SIGNED_CERT')],
    ['a self-signed chain', failure('SELF_SIGNED_CERT_IN_CHAIN')],
    ['plain HTTP where TLS was expected', failure('ERR_SSL_WRONG_VERSION_NUMBER')],
    ['no common protocol', failure('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')],
    [
      'a connection lost in the handshake',
      Object.assign(
        new Error('Client network socket disconnected before secure TLS connection was established'),
        failure('ECONNRESET'),
      ),
    ],
    ['a refused connection, wrapped by fetch', fetchFailed(failure('ECONNREFUSED'))],
    [
      'a refused connection, wrapped twice',
      new Error('request failed', { cause: fetchFailed(failure('ECONNREFUSED')) }),
    ],
    [
      'every address refused',
      fetchFailed(new AggregateError([failure('ECONNREFUSED'), failure('EHOSTUNREACH')], 'all failed')),
    ],
    [
      'every address refused, with a code of its own',
      Object.assign(new AggregateError([failure('ECONNREFUSED')]), { code: 'ECONNREFUSED' }),
    ],
  ])('repeats any request after %s: it was never sent', (_, error) => {
    expect(classifyError(error)).toEqual({ ok: false, retry: 'always' })
  })

  it.each([
    ['a reset', failure('ECONNRESET')],
    ['a broken pipe', failure('EPIPE')],
    ['a protocol error', failure('EPROTO')],
    ['a timeout while reading', failure('ETIMEDOUT', { syscall: 'read' })],
    ['a timeout of unknown origin', failure('ETIMEDOUT')],
    ["undici's closed socket", fetchFailed(failure('UND_ERR_SOCKET'))],
    ["undici's headers timeout", failure('UND_ERR_HEADERS_TIMEOUT')],
    ["undici's body timeout", new TypeError('terminated', { cause: failure('UND_ERR_BODY_TIMEOUT') })],
    ['a bad TLS record', failure('ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC')],
    ["Bun's closed connection", failure('ConnectionClosed')],
    ['a refused and a reset address', new AggregateError([failure('ECONNREFUSED'), failure('ECONNRESET')])],
    ['a timeout of the platform', new DOMException('timed out', 'TimeoutError')],
    ['an attempt that took too long', new DeadlineExceededError('slow')],
    ['an unknown error', new Error('odd')],
    ['no error at all', undefined],
    ['a string', 'odd'],
    ['null', null],
  ])('repeats only an idempotent request after %s', (_, error) => {
    expect(classifyError(error)).toEqual({ ok: false, retry: 'idempotent' })
  })

  it.each([
    ['an abort', new DOMException('aborted', 'AbortError')],
    ["axios's cancellation", Object.assign(new Error('canceled'), { name: 'CanceledError', code: 'ERR_CANCELED' })],
    ["node's abort", Object.assign(new Error('aborted'), { name: 'AbortError', code: 'ABORT_ERR' })],
    [
      'an abort caused by a failure',
      Object.assign(new Error('x', { cause: failure('ECONNREFUSED') }), { name: 'AbortError' }),
    ],
    ['a mistake in the program', new TypeError('x is not a function')],
    ['an unknown name', new ReferenceError('x')],
    ['a failed assertion', new AssertionError({ message: 'x' })],
    ['a bad argument', Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' })],
    ['a bad URL', Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' })],
    [
      'a bad URL, wrapped by fetch',
      fetchFailed(Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' })),
    ],
    ['no available instance', new NoAvailableInstanceError('none')],
    ['no list', new DiscoveryError('none', { cause: failure('ECONNREFUSED') })],
    ['a closed load balancer', new LoadBalancerClosedError('closed')],
  ])('repeats nothing after %s', (_, error) => {
    expect(classifyError(error)).toEqual({ ok: false, retry: 'never' })
  })

  it('ends on causes that go round in a circle', () => {
    const first = new Error('first')
    const second = new Error('second', { cause: first })
    first.cause = second
    expect(classifyError(first)).toEqual({ ok: false, retry: 'idempotent' })
    const wide: { errors: unknown[] } = { errors: [] }
    wide.errors.push(wide, wide)
    expect(classifyError(wide)).toEqual({ ok: false, retry: 'idempotent' })
  })
})
