import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { AbortSignalLike, AttemptContext, CancelTimer } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import type { AxiosAdapter, AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import { type ConnectingSocket, limitConnecting } from './agents.ts'
import { earlyResponse } from './head-notice.ts'
import { countInterim, refuseUpgrade } from './interim-limit.ts'
import { falseMakesFunction } from './proxy-lookup.ts'
import type { RedirectResponse } from './replayed-response.ts'
import { type EarlyResponse, lowestFailure } from './response.ts'

/** How a request ends that goes out directly. */
export type DirectResponse = AxiosResponse | EarlyResponse | RedirectResponse

/**
 * Sends `request` by axios's own adapter over `node:http`, without follow-redirects, which takes a tenth of the CPU time of a request.
 * A redirect is handed out, for an adapter that follows it.
 */
export function sendDirectly(
  request: InternalAxiosRequestConfig,
  context: AttemptContext,
  send: AxiosAdapter,
): Promise<DirectResponse> {
  return new Promise((resolve, reject) => {
    const transport = new DirectTransport(request, context, resolve)
    request.transport = transport
    request.signal = transport
    const whole = send(request)
    transport.whole = whole
    whole.then(resolve, reject)
  })
}

/** What axios's adapter gives to its transport. */
interface TransportOptions extends RequestOptions {
  readonly protocol: string
  readonly hostname: string
  readonly port: string
  readonly path: string
  readonly auth?: string
  readonly beforeRedirects: object
}

/**
 * The end of an attempt as the signal that axios's own http adapter takes, which adds one listener; a real signal costs more than all
 * else here.
 */
export class AttemptSignal implements AbortSignalLike {
  aborted = false
  #listener: (() => void) | undefined

  constructor(context: AttemptContext) {
    context.onInterrupt(() => this.abort())
  }

  abort(): void {
    this.aborted = true
    this.#listener?.()
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined
  }
}

/** The `transport` of one request, by which axios's adapter sends it, and the signal that ends it. */
class DirectTransport extends AttemptSignal {
  /** The response as axios's adapter gives it. */
  whole: Promise<AxiosResponse> | undefined
  readonly #request: InternalAxiosRequestConfig
  readonly #context: AttemptContext
  readonly #resolve: (response: DirectResponse) => void
  #cancelTimer: CancelTimer | undefined

  constructor(
    request: InternalAxiosRequestConfig,
    context: AttemptContext,
    resolve: (response: DirectResponse) => void,
  ) {
    super(context)
    this.#request = request
    this.#context = context
    this.#resolve = resolve
  }

  /** Called by axios's adapter. */
  request(options: TransportOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
    if ('direct' in options.beforeRedirects) falseMakesFunction()
    // Looked up for each request: tools that trace requests replace it.
    const { request } = options.protocol === 'https:' ? https : http
    const sent = request(options, (response) => {
      this.#cancelTimer?.()
      if (this.#isTaken(response)) sent.destroy()
      else {
        describeUrl(sent, response, urlOf(options))
        onResponse(response)
      }
    })
    sent.on('socket', onSocket)
    sent.on('information', countInterim)
    sent.on('upgrade', refuseUpgrade)
    // Not assigned to the property directly: V8 allocates such a function, and so its request, for the old generation (decision 90).
    const setTimeout: ClientRequest['setTimeout'] = (ms, onTimeout) => {
      if (ms > 0) sent.once('socket', (socket) => this.#limitTime(sent, socket, ms, onTimeout))
      return sent
    }
    sent.setTimeout = setTimeout
    return sent
  }

  /** Whether the response is not for axios's adapter. One with a status of failure is handed out, and read by the adapter too. */
  #isTaken(response: IncomingMessage): boolean {
    const { statusCode = 0, statusMessage = '', headers, rawHeaders } = response
    if (statusCode >= 300 && statusCode < lowestFailure && headers.location) {
      this.#resolve({ redirect: { statusCode, statusText: statusMessage, rawHeaders } })
      return true
    }
    if (statusCode < lowestFailure || this.#request.responseType === 'stream' || this.whole === undefined) return false
    const early = earlyResponse(response, this.#request, this.whole, this.#context, () => this.abort())
    if (early !== undefined) this.#resolve(early)
    return false
  }

  /** As follow-redirects does it: `ms` until the head of the response is there, and after that between any two of its parts. */
  #limitTime(sent: ClientRequest, socket: Socket, ms: number, onTimeout: (() => void) | undefined): void {
    const cancel = systemClock.setTimeout(() => onTimeout?.(), ms)
    this.#cancelTimer = cancel
    socket.setTimeout(ms, destroySocket)
    sent.once('close', () => {
      cancel()
      socket.removeListener('timeout', destroySocket)
    })
  }
}

/** What follow-redirects says of a request that was not redirected, and programs read. */
function describeUrl(sent: ClientRequest, response: IncomingMessage, url: string): void {
  const received: IncomingMessage & { responseUrl?: string; redirects?: readonly unknown[] } = response
  received.responseUrl = url
  received.redirects = []
  const request: ClientRequest & { _redirectable?: object } = sent
  request._redirectable = { _currentUrl: url, _redirectCount: 0 }
}

function onSocket(socket: Socket): void {
  // Emitted for kept connections too, which are connected already, and have a limit for the time in which they are idle.
  const { connecting, secureConnecting = false }: ConnectingSocket = socket
  if (connecting || secureConnecting) limitConnecting(socket)
  socket.setTimeout(0)
}

function destroySocket(this: Socket): void {
  this.destroy()
}

function urlOf({ protocol, auth, hostname, port, path }: TransportOptions): string {
  const userInfo = auth ? `${encodeURIComponent(auth).replaceAll('%3A', ':')}@` : ''
  const host = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
  return `${protocol}//${userInfo}${host}${port ? `:${port}` : ''}${path}`
}
