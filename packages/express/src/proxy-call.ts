import type { ServerResponse } from 'node:http'
import type { AttemptContext, ExecuteOptions, LoadBalancer, ServiceInstance } from '@lb/core'
import { CallSignal, isIdempotentMethod, loadReportFormatHeader } from '@lb/core/authoring'
import type { Dispatcher } from 'undici'
import { clientGone, onConnectionEnd } from './client-end.ts'
import {
  breakOff,
  endsConnection,
  HookFailure,
  ProxyError,
  RequestRefusal,
  runHook,
  sendProblem,
  UnusableResponse,
  valueOfHook,
} from './errors.ts'
import { originalProto, outgoingHeaders } from './forwarded.ts'
import { HeaderList, setFirst } from './headers.ts'
import { endWithResponse, http2Stream, isCutOff, isHttp2, isOver, limitUpload } from './http2.ts'
import type { MaybeExpressRequest, Next } from './middleware.ts'
import type { ProxySettings } from './options.ts'
import type { UpstreamPools } from './pools.ts'
import { clientFacts, InboundHeaders, refuseConnection } from './request.ts'
import { parsedBody, RequestBody } from './request-body.ts'
import type { RequestTarget } from './request-target.ts'
import { classify, classifyWithBody, type InterimListener, ProxyResponse, type ResponseHeaders } from './response.ts'
import { rewriteHeaders } from './rewrite-headers.ts'
import { type StickySession, stickySession } from './sticky-session.ts'
import { ClientSink, writeHead, writeInterim } from './write-response.ts'

/** What all requests through one proxy share. */
export interface ProxyContext {
  readonly lb: LoadBalancer
  readonly settings: ProxySettings
  readonly pools: UpstreamPools
  /** Of undici, in milliseconds; 0 is none. */
  readonly limits: { readonly headersTimeout: number; readonly bodyTimeout: number }
}

/** A `Retry-After` is for the client, which has its own time limit; nothing waits for it here. */
const handsOnRetryAfter = Object.freeze({ retryAfterMaxMs: 0 })

/** One request of a client, with all its attempts, and the response to it. */
export class ProxyCall implements InterimListener {
  readonly #shared: ProxyContext
  readonly #request: MaybeExpressRequest
  readonly #response: ServerResponse
  readonly #next: Next | undefined
  readonly #signal = new CallSignal()
  readonly #mount: string
  #path: string
  #headers: string[] = []
  #clientHost = ''
  #body: RequestBody | undefined
  #isIdempotent = false
  #session: StickySession | undefined
  #upgrade: string | undefined
  #sink: ClientSink | undefined

  constructor(
    shared: ProxyContext,
    target: RequestTarget,
    request: MaybeExpressRequest,
    response: ServerResponse,
    next?: Next,
  ) {
    this.#shared = shared
    this.#request = request
    this.#response = response
    this.#next = next
    this.#path = target.path
    this.#clientHost = target.authority ?? ''
    this.#mount = target.mount
  }

  /** Runs to the end. Resolves with the response if it is an upgrade; its connection is then the caller's. */
  async run(upgrade?: string): Promise<ProxyResponse | undefined> {
    this.#upgrade = upgrade
    this.#watchClient()
    try {
      this.#prepare()
      const { bufferLimit } = this.#shared.settings
      if (this.#body !== undefined && this.#isIdempotent && bufferLimit > 0) await this.#body.buffer(bufferLimit)
      const upstream = await this.#execute()
      if (upstream.socket !== undefined) return upstream
      this.#passOn(upstream)
    } catch (error) {
      this.fail(error instanceof HookFailure ? ProxyError.ofHook(error.cause) : error)
    }
    return undefined
  }

  /** The request failed: calls `onError` and responds, once. Does not throw, whatever the application does. */
  fail(failure: unknown): void {
    const { onError } = this.#shared.settings
    const response = this.#response
    if (this.#signal.aborted || isOver(response) || isCutOff(this.#request)) return
    const error = ProxyError.of(failure)
    if (endsConnection(error)) refuseConnection(this.#request)
    this.#emitFailure(error)
    try {
      runHook(() => onError?.(error, this.#request, response))
    } catch {
      // The client is answered all the same.
    }
    if (response.writableEnded) return
    try {
      this.#sendError(error)
    } catch {
      // A middleware, or what comes after this one, left nothing that can be answered.
      breakOff(response)
    }
  }

  /** For the log of the application, which may have no `onError`. */
  #emitFailure(error: ProxyError): void {
    if (error.status < 500 || this.#response.headersSent) return
    const { lb, settings } = this.#shared
    const { method = 'GET' } = this.#request
    lb.emit({ type: 'gateway-failed', service: settings.service, statusCode: error.status, method, error })
  }

  #sendError(error: ProxyError): void {
    const response = this.#response
    if (this.#shared.settings.errors !== 'next' || this.#next === undefined || response.headersSent) {
      sendProblem(response, error)
      return
    }
    // Express' own handler of errors keeps it.
    if (endsConnection(error) && !isHttp2(this.#request)) response.setHeader('Connection', 'close')
    try {
      this.#next(error)
    } catch (thrown) {
      if (!response.writableEnded) sendProblem(response, ProxyError.ofHook(thrown))
    }
  }

  #watchClient(): void {
    const request = this.#request
    const response = this.#response
    const onClose = (): void => {
      const sink = this.#sink
      // A middleware may have ended it before the instance did.
      if (response.writableFinished && sink?.hasEnded === true) return
      sink?.closed()
      this.#signal.abort(clientGone())
    }
    const stream = request.httpVersionMajor === 2 ? http2Stream(response) : undefined
    if (stream === undefined) {
      response.on('close', onClose)
      if (response.socket === null) onConnectionEnd(request, response, onClose)
      return
    }
    // The response to a HEAD that was aborted has no 'close'.
    stream.on('close', onClose)
    endWithResponse(request, stream)
    limitUpload(request, stream, this.#shared.settings, () => this.#stalled())
  }

  /** The client does not go on with its body. */
  #stalled(): void {
    // The instance had enough of it to respond.
    if (this.#response.headersSent) return
    this.fail(new ProxyError(408, 'The request did not arrive in time.'))
    this.#signal.abort(clientGone())
  }

  interim(statusCode: number, { passing }: ResponseHeaders): void {
    if (this.#request.httpVersion === '1.0' || this.#upgrade !== undefined) return
    writeInterim(this.#response, statusCode, new HeaderList(passing))
  }

  #prepare(): void {
    const { settings } = this.#shared
    const request = this.#request
    const { method = 'GET' } = request
    if (method === 'CONNECT' || method === 'TRACE') throw new RequestRefusal(405, `${method} is not served.`)
    const inbound = new InboundHeaders(request)
    const client = clientFacts(request, settings.trustProxy, this.#clientHost || inbound.host || '')
    this.#clientHost = client.host
    if (inbound.hasBody) this.#body = request.readableDidRead ? this.#parsedBody(inbound) : new RequestBody(request)
    const { targetPrefix, rewritePath, idempotent, onRequest } = settings
    this.#path =
      rewritePath === undefined ? targetPrefix + this.#path : valueOfHook(() => rewritePath(this.#path, request))
    this.#headers = outgoingHeaders(inbound, client, this.#mount, settings)
    if (settings.sticky !== undefined) {
      const secure = originalProto(inbound, client) === 'https'
      this.#session = stickySession(settings.sticky, request, { path: this.#mount || '/', secure })
    }
    this.#isIdempotent =
      idempotent === undefined ? isIdempotentMethod(method) : valueOfHook(() => idempotent(request)) === true
    if (onRequest !== undefined) {
      const outgoing = { method, path: this.#path, headers: new HeaderList(this.#headers) }
      runHook(() => onRequest(outgoing, request))
      this.#path = outgoing.path
    }
    this.#headers.push('host', '')
  }

  /** A body that a middleware parsed before. */
  #parsedBody(inbound: InboundHeaders): RequestBody {
    const parsed = parsedBody(this.#request)
    if (parsed === undefined) {
      throw new ProxyError(500, 'The body was read before the proxy got it: the proxy goes before body parsers.')
    }
    // The length is said anew by the transport, and what was compressed is no longer.
    const headers = new HeaderList(inbound.passing).delete('content-length').delete('content-encoding')
    if (parsed.contentType !== undefined) headers.set('content-type', parsed.contentType)
    return new RequestBody(this.#request, parsed.bytes)
  }

  #execute(): Promise<ProxyResponse> {
    const { lb, settings } = this.#shared
    const request = this.#request
    const body = this.#body
    const { hashKey, match } = settings
    const options: ExecuteOptions<ProxyResponse> = {
      // A body that is streamed cannot go to two instances.
      idempotent: this.#isIdempotent && (body === undefined || body.isWhole),
      signal: this.#signal,
      classify: body === undefined ? classify : (result) => classifyWithBody(result, body),
      discard,
      httpMethod: request.method,
      retry: handsOnRetryAfter,
      hashKey: hashKey === undefined ? this.#session?.hashKey : valueOfHook(() => hashKey(request)),
      match: match && valueOfHook(() => match(request)),
      criticality: settings.criticalityOf?.(request, this.#headers),
    }
    return lb.execute(settings.service, (instance, context) => this.#attempt(instance, context), options)
  }

  #attempt(instance: ServiceInstance, context: AttemptContext): Promise<ProxyResponse> {
    const { pools, settings, limits } = this.#shared
    const pool = pools.for(instance)
    const host = settings.hostHeader === 'client' && this.#clientHost !== '' ? this.#clientHost : pool.host
    const upstream = new ProxyResponse(instance, host, context, this)
    upstream.arrivals = pools.arrivals
    const headers = this.#headers
    const { loadReportFormat, number } = context
    // The report is for the gateway, whatever its client asks for.
    if (loadReportFormat !== undefined && number === 1) setFirst(headers, loadReportFormatHeader, loadReportFormat)
    // The transport copies them before it returns.
    headers[headers.length - 1] = host
    return upstream.started(() => {
      const { method = 'GET' } = this.#request
      const options: Dispatcher.DispatchOptions & { readonly servername: string } = {
        method: method as Dispatcher.HttpMethod,
        path: this.#path,
        headers,
        body: this.#body?.open() ?? null,
        headersTimeout: limits.headersTimeout,
        bodyTimeout: limits.bodyTimeout,
        upgrade: this.#upgrade ?? null,
        // Or undici would take it from `Host`, and change connections with that. The name of a certificate is the connector's to say.
        servername: settings.service,
      }
      // undici would close the connection. What comes behind the response closes it all the same.
      if (method === 'HEAD') options.reset = false
      // The form of undici 6, which its types no longer have.
      pool.dispatch(options, upstream as Dispatcher.DispatchHandler)
    })
  }

  #passOn(upstream: ProxyResponse): void {
    const response = this.#response
    if (this.#signal.aborted) {
      upstream.abort(clientGone())
      return
    }
    try {
      writeHead(response, upstream.statusCode, upstream.statusText, this.responseHeaders(upstream))
    } catch (error) {
      upstream.abort(new UnusableResponse('its headers cannot be passed on', { cause: error }))
      throw error
    }
    this.#sink = new ClientSink(response, upstream, this.#shared.settings)
    upstream.passTo(this.#sink)
  }

  /** The headers for the client. */
  responseHeaders({ instance, hostSent, statusCode, headers }: ProxyResponse): string[] {
    const { settings } = this.#shared
    const { passing, trailer, isChunked } = headers
    if (headers.location !== -1 || headers.cookies.length > 0) {
      rewriteHeaders(headers, { instance, mount: this.#mount, hostSent }, settings)
    }
    if (trailer !== undefined && isChunked && this.#request.httpVersion !== '1.0') passing.push('trailer', trailer)
    if (this.#session?.setCookie !== undefined) passing.push('set-cookie', this.#session.setCookie)
    const { onResponse } = settings
    if (onResponse !== undefined) {
      const upstream = { instance, statusCode, headers: new HeaderList(passing) }
      runHook(() => onResponse(upstream, this.#request, this.#response))
    }
    return passing
  }
}

function discard(upstream: ProxyResponse): void {
  upstream.discard()
}
