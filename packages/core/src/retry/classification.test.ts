import { AssertionError } from 'node:assert'
import { describe, expect, it } from 'vitest'
import {
  DeadlineExceededError,
  DiscoveryError,
  LoadBalancerClosedError,
  NoAvailableInstanceError,
} from '../base/errors.ts'
import { classifyError, classifyResponse, classifyStatus, defaultRetryStatusCodes } from './classification.ts'

/** An error of the platform, such as node:net throws. */
function failure(code: string, fields: object = {}): Error {
  return Object.assign(new Error(`connect ${code}`), { code }, fields)
}

/** What fetch throws, whatever went wrong. */
function fetchFailed(cause: unknown): TypeError {
  return new TypeError('fetch failed', { cause })
}

/** An error of one HTTP/2 stream. */
function http2Failure(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_HTTP2_STREAM_ERROR' })
}

/** An error of a client that throws on a status. */
function statusError(fields: object): Error {
  return Object.assign(new Error('Request failed'), fields)
}

/** An error of a gRPC client. */
function grpcFailure(code: number, pushback?: string): Error {
  const metadata = new Map(pushback === undefined ? [] : [['grpc-retry-pushback-ms', [pushback]]])
  return Object.assign(new Error(`${code} it failed`), { code, details: 'it failed', metadata })
}

/** As a cause of a cause, so many times. */
function wrapped(error: Error, times: number): Error {
  return times === 0 ? error : new Error('odd', { cause: wrapped(error, times - 1) })
}

/** In an aggregate of an aggregate, so many times. */
function gathered(error: Error, times: number): Error {
  return times === 0 ? error : new AggregateError([gathered(error, times - 1)], 'odd')
}

function lostInHandshake(code: string): Error {
  const message = 'Client network socket disconnected before secure TLS connection was established'
  return Object.assign(new Error(message), { code })
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

describe('classifyResponse', () => {
  it('takes a Retry-After from a failure and from too many requests only', () => {
    for (const statusCode of [429, 500, 503]) {
      expect(classifyResponse({ statusCode, retryAfter: '7' })).toStrictEqual({
        ...classifyStatus(statusCode),
        retryAfterMs: 7_000,
      })
    }
    for (const statusCode of [200, 301, 404, 499]) {
      expect(classifyResponse({ statusCode, retryAfter: '7' })).toStrictEqual(classifyStatus(statusCode))
      expect(classifyResponse({ statusCode, retryAfter: '7', loadReport: 'cpu_utilization=0.3' })).toStrictEqual({
        ...classifyStatus(statusCode),
        loadReport: 'cpu_utilization=0.3',
      })
    }
  })

  it('has no field for what the response does not say', () => {
    expect(classifyResponse({ statusCode: 503 })).toStrictEqual({ ok: false, statusCode: 503 })
    expect(classifyResponse({ statusCode: 503, retryAfter: 'soon' })).toStrictEqual({ ok: false, statusCode: 503 })
    expect(classifyResponse({ statusCode: 503, loadReport: 'x' })).toStrictEqual({
      ok: false,
      statusCode: 503,
      loadReport: 'x',
    })
  })

  it('compares a date with that of the response', () => {
    const facts = { retryAfter: 'Sun, 06 Nov 1994 08:50:00 GMT', date: 'Sun, 06 Nov 1994 08:49:37 GMT' }
    expect(classifyResponse({ statusCode: 503, ...facts })).toMatchObject({ retryAfterMs: 23_000 })
  })
})

describe('classifyError', () => {
  it.each([
    ['a refused connection', failure('ECONNREFUSED')],
    ['a name that does not resolve', failure('ENOTFOUND')],
    ['a resolver in trouble', failure('EAI_AGAIN')],
    ['no route', failure('EHOSTUNREACH')],
    ['no network', failure('ENETUNREACH')],
    ['a network that is down', failure('ENETDOWN')],
    ['a firewall in the way', failure('EPERM', { syscall: 'connect' })],
    ['a connect that timed out', failure('ETIMEDOUT', { syscall: 'connect' })],
    ["undici's connect timeout", failure('UND_ERR_CONNECT_TIMEOUT')],
    ["Bun's refused connection", failure('ConnectionRefused')],
    ["Bun's socket that did not open", failure('FailedToOpenSocket')],
    ["a name server's refusal", failure('ESERVFAIL', { syscall: 'queryA' })],
    ['a refused HTTP/2 stream', http2Failure('Stream closed with error code NGHTTP2_REFUSED_STREAM')],
    [
      'a refused HTTP/2 stream, by its number',
      Object.assign(http2Failure('Stream closed with error code 7'), { http2ErrorCode: 7 }),
    ],
    [
      'a refused HTTP/2 stream, as undici tells',
      Object.assign(new Error('HTTP/2: "stream error" received - code 7'), { code: 'UND_ERR_INFO' }),
    ],
    ['a session that was told to end', failure('ERR_HTTP2_GOAWAY_SESSION')],
    ['a session that has ended', failure('ERR_HTTP2_INVALID_SESSION')],
    ['a stream that waited for its session', failure('ERR_HTTP2_STREAM_CANCEL')],
    [
      "a refused connection of Deno's fetch",
      fetchFailed(new Error('error sending request for url (http://a:1/): client error (Connect): tcp connect error')),
    ],
    [
      "a refused connection of an older Deno's fetch",
      new TypeError('error sending request for url (http://a:1/): client error (Connect): tcp connect error'),
    ],
    [
      "a refused stream of Deno's fetch",
      fetchFailed(
        new Error('http2 error: stream error received: refused stream before processing any application logic'),
      ),
    ],
    ['a port that fetch avoids', fetchFailed(new Error('bad port'))],
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
    ['a name that was not resolved, for whatever reason', failure('EODD', { syscall: 'getaddrinfo' })],
    [
      'no buffer for one address and a refusal of the other',
      new AggregateError([failure('ENOBUFS'), failure('ECONNREFUSED')]),
    ],
    ['nothing gathered, but a code', Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })],
    ['a refused connection, wrapped eight times', wrapped(failure('ECONNREFUSED'), 8)],
    [
      'every address refused, with a code of its own',
      Object.assign(new AggregateError([failure('ECONNREFUSED')]), { code: 'ECONNREFUSED' }),
    ],
  ])('repeats any request after %s: it was never sent', (_, error) => {
    expect(classifyError(error)).toStrictEqual({ ok: false, retry: 'always' })
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
    ["a client's time limit", Object.assign(new Error('timed out'), { name: 'TimeoutError' })],
    ["axios's time limit", failure('ECONNABORTED')],
    ["axios's network error", failure('ERR_NETWORK')],
    ['a body that ends too early', failure('ERR_STREAM_PREMATURE_CLOSE')],
    [
      'a body that broke off, with a code that says nothing',
      statusError({ code: 'EODD', message: 'stream has been aborted' }),
    ],
    ['a broken pipe with the words of a lost handshake', lostInHandshake('EPIPE')],
    ['a reset whose message is no text', Object.assign(failure('ECONNRESET'), { message: Symbol('odd') })],
    [
      'a body that broke off, with the status of its response',
      statusError({
        message: 'stream has been aborted',
        response: { status: 200 },
      }),
    ],
    ['what is not HTTP', failure('HPE_INVALID_CONSTANT')],
    ['an HTTP/2 stream that was reset', http2Failure('Stream closed with error code NGHTTP2_INTERNAL_ERROR')],
    ['an HTTP/2 session that failed', failure('ERR_HTTP2_SESSION_ERROR')],
    ['a connection that ended by GOAWAY', failure('UND_ERR_SOCKET')],
    ["Chrome's failed fetch", new TypeError('Failed to fetch')],
    ["Chrome's failed body", new TypeError('network error')],
    ["Firefox's failed fetch", new TypeError('NetworkError when attempting to fetch resource.')],
    ["Safari's failed fetch", new TypeError('Load failed')],
    ["Safari's lost connection", new TypeError('The network connection was lost.')],
    ["React Native's failed fetch", new TypeError('Network request failed')],
    ["a worker's lost connection", new Error('Network connection lost.')],
    ['a body that broke off, without a cause', new TypeError('terminated')],
    ['a fetch that failed for an unknown reason', fetchFailed(new Error('odd'))],
    [
      "a lost connection of Deno's fetch",
      fetchFailed(
        new Error('error sending request for url (http://a:1/): client error (SendRequest): connection closed'),
      ),
    ],
    ['an attempt that took too long', new DeadlineExceededError('slow')],
  ])('repeats only an idempotent request after %s', (_, error) => {
    expect(classifyError(error)).toEqual({ ok: false, retry: 'idempotent' })
  })

  it.each([
    ['an unknown error', new Error('odd')],
    ['a refused connection, wrapped nine times', wrapped(failure('ECONNREFUSED'), 9)],
    ['a refused connection, gathered nine times', gathered(failure('ECONNREFUSED'), 9)],
    ['a status, wrapped nine times', wrapped(statusError({ status: 503 }), 9)],
    ['a status that is no integer', statusError({ status: 404.5 })],
    ['a status that is too low', statusError({ status: 99 })],
    ['a status that is too high', statusError({ status: 600 })],
    ['a failed fetch with a code that says nothing', Object.assign(new TypeError('fetch failed'), { code: 'EODD' })],
    ['the words of a failed fetch in another error', new Error('fetch failed')],
    ['a lost connection, quoted by another error', new Error('failed to fetch: network connection lost')],
    [
      'a protocol version that TLS does not know',
      Object.assign(new TypeError('x'), { code: 'ERR_TLS_INVALID_PROTOCOL_VERSION' }),
    ],
    ['a code and details that are not of gRPC', Object.assign(new Error('odd'), { code: 14, details: 'x' })],
    ['a code and metadata that are not of gRPC', Object.assign(new Error('odd'), { code: 14, metadata: {} })],
    ['a negative status of gRPC', Object.assign(grpcFailure(14), { code: -1 })],
    ['a status of gRPC that is no integer', Object.assign(grpcFailure(14), { code: 13.5 })],
    ['a status of gRPC that is no number', Object.assign(grpcFailure(14), { code: '14' })],
    [
      'a cancellation caused by a failure',
      Object.assign(new Error('x', { cause: failure('ECONNREFUSED') }), { name: 'CanceledError' }),
    ],
    ['an error of the domain', Object.assign(new Error('user not found'), { code: 'USER_NOT_FOUND' })],
    ['an error of validation', Object.assign(new Error('invalid'), { name: 'ZodError', issues: [] })],
    ["Postgres's unique violation", Object.assign(new Error('duplicate key'), { code: '23505', severity: 'ERROR' })],
    ['a file that is not there', failure('ENOENT', { syscall: 'open' })],
    ['a status that is none of HTTP', statusError({ status: 0, statusCode: 1_000, response: { status: '404' } })],
    ['a number that is none of gRPC', Object.assign(new Error('odd'), { code: 17, details: '', metadata: {} })],
    ['an answer whose header is over the limit of the caller', failure('HPE_HEADER_OVERFLOW')],
    ['an answer that is over the limit of the caller', failure('UND_ERR_RES_EXCEEDED_MAX_SIZE')],
    ["a client of the caller's that was closed", failure('UND_ERR_CLOSED')],
    ['a redirect that fetch refuses', fetchFailed(new Error('unexpected redirect'))],
    ['a scheme that fetch refuses', fetchFailed(new Error('unknown scheme'))],
    [
      'another call over lb, wrapped by fetch',
      fetchFailed(new DiscoveryError('x', { cause: failure('ECONNREFUSED') })),
    ],
    ['no descriptor left', failure('EMFILE', { syscall: 'connect' })],
    ['no descriptor left on the host', failure('ENFILE', { syscall: 'getaddrinfo' })],
    ['no memory left', failure('ENOMEM')],
    ['no buffer left, wrapped by fetch', fetchFailed(failure('ENOBUFS', { syscall: 'connect' }))],
    [
      'an error that throws when it is looked at',
      Object.defineProperty(new Error('x'), 'code', {
        get: () => {
          throw new Error('no')
        },
      }),
    ],
    ['no error at all', undefined],
    ['a string', 'odd'],
    ['null', null],
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
  ])('repeats nothing after %s, and blames no instance', (_, error) => {
    expect(classifyError(error)).toStrictEqual({ ok: false, blame: 'none', retry: 'never' })
  })

  it('repeats any request after no local port was left for one instance, and blames no instance', () => {
    expect(classifyError(failure('EADDRNOTAVAIL'))).toEqual({ ok: false, blame: 'none', retry: 'always' })
    const oneOfTwo = new AggregateError([failure('EADDRNOTAVAIL'), failure('ECONNREFUSED')])
    expect(classifyError(oneOfTwo)).toEqual({ ok: false, retry: 'always' })
  })

  it.each([
    ['got', { code: 'ERR_NON_2XX_3XX_RESPONSE', response: { statusCode: 404 } }],
    ['ky', { response: { status: 404 } }],
    ['axios', { code: 'ERR_BAD_REQUEST', response: { status: 404, data: {} } }],
    ['superagent', { status: 404, response: { statusCode: 404 } }],
    ['ofetch', { status: 404, statusCode: 404, response: { status: 404 } }],
    ['undici', { code: 'UND_ERR_RESPONSE', statusCode: 404 }],
    ['the AWS SDK', { $fault: 'client', $metadata: { httpStatusCode: 404, attempts: 1 } }],
    ['an application that wraps it', { cause: { response: { status: 404 } } }],
  ])('judges an error by its status, as %s puts it', (_, fields) => {
    expect(classifyError(statusError(fields))).toEqual(classifyStatus(404))
    const text = JSON.stringify(fields).replaceAll('404', '503')
    expect(classifyError(statusError(JSON.parse(text) as object))).toEqual(classifyStatus(503))
  })

  it('takes the reset of a connection for what it is, although there was a status', () => {
    const error = statusError({ code: 'ECONNRESET', response: { status: 200 } })
    expect(classifyError(error)).toEqual({ ok: false, retry: 'idempotent' })
  })

  it.each([
    ['an object', { 'retry-after': '7' }],
    ['Headers', new Headers({ 'retry-after': '7' })],
  ])('reads the Retry-After of its response, in %s', (_, headers) => {
    const of = (status: number): unknown => classifyError(statusError({ response: { status, headers } }))
    expect(of(503)).toEqual({ ok: false, statusCode: 503, retryAfterMs: 7_000 })
    expect(of(500)).toEqual({ ok: false, statusCode: 500, retryAfterMs: 7_000 })
    expect(of(429)).toEqual({ ok: true, statusCode: 429, retryAfterMs: 7_000 })
    expect(of(404)).toEqual({ ok: true, statusCode: 404 })
  })

  it.each([0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 16])('takes gRPC status %d for an answer', (code) => {
    expect(classifyError(grpcFailure(code))).toEqual({ ok: true, retry: 'never' })
  })

  it.each([2, 4, 12, 13, 15])('takes gRPC status %d for a failure that is not repeated', (code) => {
    expect(classifyError(grpcFailure(code))).toEqual({ ok: false, retry: 'never' })
  })

  it('repeats an idempotent request after UNAVAILABLE, as the server pushes back', () => {
    expect(classifyError(grpcFailure(14))).toEqual({ ok: false, retry: 'idempotent' })
    expect(classifyError(grpcFailure(14, '250'))).toEqual({ ok: false, retry: 'idempotent', retryAfterMs: 250 })
    for (const forbidden of ['-1', 'never', '12x', '1234567890']) {
      expect(classifyError(grpcFailure(14, forbidden))).toEqual({ ok: false, retry: 'never' })
    }
  })

  it('knows a gRPC error by the path of its method too', () => {
    const error = Object.assign(new Error('x'), { code: 14, details: 'x', path: '/users.Users/Get' })
    expect(classifyError(error)).toEqual({ ok: false, retry: 'idempotent' })
  })

  it.each([100, 599])('takes status %d of an error for one', (status) => {
    expect(classifyError(statusError({ status }))).toStrictEqual(classifyStatus(status))
    expect(classifyError(wrapped(statusError({ status }), 8))).toStrictEqual(classifyStatus(status))
  })

  it('does not read a pushback that is no text', () => {
    const error = Object.assign(grpcFailure(14), { metadata: { 'grpc-retry-pushback-ms': [250] } })
    expect(classifyError(error)).toStrictEqual({ ok: false, retry: 'idempotent' })
  })

  it('ends on causes that go round in a circle', () => {
    const first = new Error('first')
    const second = new Error('second', { cause: first })
    first.cause = second
    expect(classifyError(first)).toEqual({ ok: false, blame: 'none', retry: 'never' })
    const wide: { errors: unknown[] } = { errors: [] }
    wide.errors.push(wide, wide)
    expect(classifyError(wide)).toEqual({ ok: false, blame: 'none', retry: 'never' })
  })
})
