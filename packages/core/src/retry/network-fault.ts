import { fieldsOf, hasFields } from '../base/fields.ts'
/** What an error says of the network. */
export interface NetworkFault {
  /** Whether the request provably never reached a program that could have executed it. */
  readonly neverSent: boolean
  /** Whether a time limit passed. */
  readonly timedOut: boolean
  /**
   * What this process lacked, if that was the reason: `resources`, which a request to any instance needs; or a local `port`, of which
   * there is a set for each instance. Neither speaks against the instance.
   */
  readonly lacked?: 'resources' | 'port'
}

/** The connection was never made, so the request cannot have been executed. */
const connectionNeverMade: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EAFNOSUPPORT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
  // HTTP/2: the stream was never opened, because the session had ended, or was asked to end.
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_STREAM_CANCEL',
  // Bun's.
  'ConnectionRefused',
  'FailedToOpenSocket',
  'DNSResolutionFailed',
])

/** The connection broke, was too slow, or carried something that is not HTTP. */
const connectionBroke: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'EPROTO',
  'ENOTCONN',
  'ENETRESET',
  'ESHUTDOWN',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'ERR_NETWORK',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_HTTP2_ERROR',
  'ERR_HTTP2_PING_CANCEL',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_STREAM_ERROR',
  'UND_ERR_SOCKET',
  'UND_ERR_INFO',
  'UND_ERR_PRX_TLS',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  // Bun's.
  'Timeout',
  'InvalidHTTPResponse',
  'Malformed_HTTP_Response',
])

/** Bun's own. */
const bunConnection = /^Connection[A-Z][A-Za-z]+$/

/** What a name server, or the way to one, said. */
const resolverFailed = /^(?:DNS_)?(?:EAI_[A-Z]+|ENODATA|ESERVFAIL|EREFUSED|ETIMEOUT|EBADRESP|EFORMERR|ENOTFOUND)$/

/** The parser found something that is not HTTP. That a header is longer than the caller allows is for the caller. */
const notHttp = /^HPE_(?!HEADER_OVERFLOW$)[A-Z_]+$/

/** TLS failed. */
const tlsFailed = /^(?:ERR_SSL_|ERR_TLS_)/

/** TLS failed before a request could be sent. Codes that may also end an established connection are not here. */
const handshakeFailed =
  /^(?:ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|HOSTNAME_MISMATCH$|ERR_SSL_(?:WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|\w*HANDSHAKE_FAILURE|\w*PROTOCOL_VERSION)$)/

/** Node reports a connection lost during the handshake as a plain reset; only the message shows it. */
const lostInHandshake = 'Client network socket disconnected before secure TLS connection was established'

/** Descriptors, memory or buffers of this process or its host have run out. */
const resourcesLacked: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EAGAIN', 'EAI_MEMORY'])

/** No local port is left for a connection to this address; each address has its own. */
const portLacked: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EADDRINUSE'])

/** A time limit, of whatever code. */
const timedOutCode = /TIMEDOUT$|TIMEOUT$|^(?:Connection)?Timeout$/

/**
 * An HTTP/2 stream that the peer refused before any processing (RFC 9113 section 8.7), also as one beyond the last that a GOAWAY
 * names: by Node's message, undici's, or that of Deno's h2.
 */
const refusedStream = /\bNGHTTP2_REFUSED_STREAM\b|"stream error" received - code 7$|refused stream before processing/

/** How Deno's fetch says that there was no connection; and fetch that it does not connect to the port, whatever listens there. */
const neverConnected = /client error \(Connect\)|^bad port$/

/**
 * The beginning of the message with which fetch fails by the network: of Node, Deno, workers, browsers and React Native. None of
 * them has a code.
 */
const fetchFailed =
  /^(?:fetch failed|terminated|failed to fetch|load failed|network ?error|network request failed|network connection (?:was )?lost|the (?:network connection was lost|internet connection appears to be offline|request timed out)|could not connect to the server|a server with the specified hostname could not be found|error (?:sending request|reading a body|trying to connect))/i

/** What fetch itself refuses, of the request or of a response. */
const refusedByFetch = /scheme|redirect|\bCORS\b|cross origin|\bmode\b|integrity|keepalive/i

/** What a body that broke off is called by a transport that gives the response's status with it. */
const bodyBrokeOff = 'stream has been aborted'

type ErrorLike = {
  readonly code?: unknown
  readonly syscall?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
  readonly name?: unknown
  readonly http2ErrorCode?: unknown
}

/**
 * What `error` says of the network: by the codes of Node's, undici's, axios's and Bun's stacks, or as the `TypeError` of a fetch that
 * has none; also when they are wrapped as a `cause`, or gathered in an `AggregateError` (happy eyeballs). Empty: it says nothing.
 * The innermost count: what wraps them only says that something failed.
 */
export function networkFaults(error: unknown, depth = 0): readonly NetworkFault[] {
  if (!hasFields(error) || depth > 8) return []
  const { cause, errors, code } = error
  // What another call over lb met says nothing of this one's instance.
  if (typeof code === 'string' && code.startsWith('LB_')) return []
  if (Array.isArray(errors)) {
    const gathered = errors.flatMap((each) => networkFaults(each, depth + 1))
    if (gathered.length > 0) return gathered
  }
  const inner = networkFaults(cause, depth + 1)
  if (inner.length > 0) return inner
  const own = faultOf(error)
  return own === undefined ? [] : [own]
}

function faultOf(error: ErrorLike): NetworkFault | undefined {
  const { code, name } = error
  const message = textOf(error.message)
  if (name === 'TimeoutError') return { neverSent: false, timedOut: true }
  if (typeof code === 'string') {
    const fault = faultOfCode(code, message, error)
    if (fault !== undefined) return fault
  }
  if (message === bodyBrokeOff) return { neverSent: false, timedOut: false }
  return typeof code === 'string' ? undefined : faultOfFetch(error, message)
}

function faultOfCode(code: string, message: string, error: ErrorLike): NetworkFault | undefined {
  if (resourcesLacked.has(code)) return { neverSent: true, timedOut: false, lacked: 'resources' }
  if (portLacked.has(code)) return { neverSent: true, timedOut: false, lacked: 'port' }
  // `ERR_TLS_INVALID_PROTOCOL_VERSION` and its like are mistakes of the caller.
  if (code.startsWith('ERR_') && isProgrammingError(error)) return undefined
  const neverSent =
    connectionNeverMade.has(code) ||
    resolverFailed.test(code) ||
    handshakeFailed.test(code) ||
    isConnecting(error) ||
    (code === 'ECONNRESET' && message === lostInHandshake) ||
    error.http2ErrorCode === 7 ||
    refusedStream.test(message)
  const isNetwork =
    neverSent || connectionBroke.has(code) || bunConnection.test(code) || notHttp.test(code) || tlsFailed.test(code)
  if (!isNetwork) return undefined
  // `ECONNABORTED` is a time limit of the client's as often as a connection that broke.
  return { neverSent, timedOut: timedOutCode.test(code) || (code === 'ECONNABORTED' && /time/i.test(message)) }
}

/** No connection was made, whatever the reason: a firewall's too, which has many codes. */
function isConnecting({ syscall }: ErrorLike): boolean {
  return syscall === 'connect' || syscall === 'getaddrinfo'
}

function faultOfFetch(error: ErrorLike, message: string): NetworkFault | undefined {
  const { name, cause } = error
  if (!fetchFailed.test(message)) return undefined
  // Only workers throw a plain error.
  if (name !== 'TypeError' && !/^network connection lost/i.test(message)) return undefined
  const { code, message: reason = '' } = fieldsOf(cause)
  const because = textOf(reason)
  // A cause with a code would have been found above, were it the network's.
  if (typeof code === 'string' || isProgrammingError(cause) || refusedByFetch.test(because)) return undefined
  const texts = [message, because]
  return {
    neverSent: texts.some((each) => neverConnected.test(each) || refusedStream.test(each)),
    timedOut: texts.some((each) => /timed out|timeout/i.test(each)),
  }
}

/** Mistakes in the program, which another instance would not cure. */
const programmingErrors: ReadonlySet<unknown> = new Set([
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'AssertionError',
])

function isProgrammingError(error: unknown): boolean {
  return programmingErrors.has(fieldsOf(error).name)
}

function textOf(message: unknown): string {
  return typeof message === 'string' ? message : ''
}
