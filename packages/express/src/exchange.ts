import type { ServerResponse } from 'node:http'
import {
  type AttemptContext,
  CallSignal,
  type ExecuteOptions,
  isIdempotentMethod,
  type LoadBalancer,
  type ServiceInstance,
} from '@lb/core'
import type { Dispatcher } from 'undici'
import { Answer, type AnswerListener } from './answer.ts'
import { breakOff } from './break-off.ts'
import { classify, classifyWithBody } from './classification.ts'
import { ClientSink } from './client-sink.ts'
import { HeaderList } from './header-list.ts'
import { InboundHeaders } from './inbound-headers.ts'
import type { MaybeExpressRequest, Next } from './middleware.ts'
import { type ClientFacts, clientAddress, hostFor, outgoingHeaders } from './outgoing-headers.ts'
import { parsedBody } from './parsed-body.ts'
import { sendProblem } from './problem.ts'
import { ProxyError } from './proxy-error.ts'
import type { ProxySettings } from './proxy-options.ts'
import { endsConnection, refuseConnection } from './refused-connection.ts'
import { RequestBody } from './request-body.ts'
import { RequestRefusal } from './request-refusal.ts'
import type { RequestTarget } from './request-target.ts'
import { writeHead } from './response-head.ts'
import { type AnswerHeaders, rewriteHeaders, UnusableAnswer } from './response-headers.ts'
import { type StickySession, stickySession } from './sticky-session.ts'
import { timeout, type UpstreamPools } from './upstream-pools.ts'

/** Bytes that may wait for the client before interim responses are left out. */
const interimWaitingLimit = 16_384

/** What all requests through one proxy share. */
export interface ExchangeContext {
  readonly lb: LoadBalancer
  readonly settings: ProxySettings
  readonly pools: UpstreamPools
}

/** A `Retry-After` is for the client, which has its own time limit; nothing waits for it here. */
const handsOnRetryAfter = Object.freeze({ retryAfterMaxMs: 0 })

/** One request of a client, and what is answered. */
export class Exchange implements AnswerListener {
  readonly #shared: ExchangeContext
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
  /** What is passed on. */
  #answer: Answer | undefined

  constructor(
    shared: ExchangeContext,
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

  /** Runs to the end. Gives the answer when that is an upgrade, whose connection is then the caller's. */
  async run(upgrade?: string): Promise<Answer | undefined> {
    this.#upgrade = upgrade
    this.#watchClient()
    try {
      this.#prepare()
      const { bufferLimit } = this.#shared.settings
      if (this.#body !== undefined && this.#isIdempotent && bufferLimit > 0) await this.#body.buffer(bufferLimit)
      const answer = await this.#execute()
      if (answer.socket !== undefined) return answer
      this.#passOn(answer)
    } catch (error) {
      this.fail(error instanceof HookFailure ? ProxyError.ofHook(error.cause) : error)
    }
    return undefined
  }

  /** The request failed: the application and the client are told, once. Does not throw, whatever the application does. */
  fail(failure: unknown): void {
    const { onError } = this.#shared.settings
    const response = this.#response
    if (this.#signal.aborted || response.destroyed || this.#isGone) return
    const error = ProxyError.of(failure)
    if (endsConnection(error)) refuseConnection(this.#request)
    try {
      onError?.(error, this.#request, response)
    } catch {
      // The client is answered all the same.
    }
    if (response.writableEnded) return
    try {
      this.#tell(error)
    } catch {
      // A middleware, or what comes after this one, left nothing that can be answered.
      breakOff(response)
    }
  }

  #tell(error: ProxyError): void {
    const response = this.#response
    if (this.#shared.settings.errors !== 'next' || this.#next === undefined || response.headersSent) {
      sendProblem(response, error)
      return
    }
    // Express' own handler of errors keeps it.
    if (endsConnection(error)) response.setHeader('Connection', 'close')
    try {
      this.#next(error)
    } catch (thrown) {
      if (!response.writableEnded) sendProblem(response, ProxyError.ofHook(thrown))
    }
  }

  #watchClient(): void {
    const response = this.#response
    const onClose = (): void => {
      // A middleware may have ended it before the instance did.
      if (!response.writableFinished || this.#answer?.isComplete !== true) this.#signal.abort(clientGone())
    }
    response.on('close', onClose)
    if (response.socket !== null) return
    // It waits for the response to an earlier request of its connection, and would not hear of the end of that connection.
    const { socket } = this.#request
    socket.on('close', onClose)
    response.on('close', () => socket.off('close', onClose))
  }

  interim(statusCode: number, { passing }: AnswerHeaders): void {
    const response = this.#response
    if (this.#request.httpVersion === '1.0' || response.headersSent || this.#upgrade !== undefined) return
    // A client that does not read has no use for hints.
    if (response.writableLength > interimWaitingLimit) return
    if (statusCode === 102) response.writeProcessing()
    if (statusCode !== 103) return
    const links = new HeaderList(passing).getAll('link').flatMap((each) => each.split(/,\s*(?=<)/))
    try {
      if (links.length > 0) response.writeEarlyHints({ link: links })
    } catch {
      // Hints that Node takes for malformed are only hints.
    }
  }

  /** Whether the client went away in the middle of its request. */
  get #isGone(): boolean {
    return this.#request.destroyed && !this.#request.complete
  }

  #prepare(): void {
    const { settings } = this.#shared
    const request = this.#request
    const { method = 'GET' } = request
    if (method === 'CONNECT' || method === 'TRACE') throw new RequestRefusal(405, `${method} is not served.`)
    const inbound = new InboundHeaders(request)
    const client = this.#clientFacts(inbound)
    this.#clientHost = client.host
    if (inbound.hasBody) this.#body = request.readableDidRead ? this.#parsedBody(inbound) : new RequestBody(request)
    this.#path = this.#targetPath()
    this.#headers = outgoingHeaders(request, inbound, client, settings)
    if (settings.sticky !== undefined) {
      const secure = ((client.trusted ? inbound.xForwardedProto : undefined) ?? client.proto) === 'https'
      this.#session = stickySession(settings.sticky, request, { path: this.#mount || '/', secure })
    }
    const { idempotent, onRequest } = settings
    this.#isIdempotent =
      idempotent === undefined ? isIdempotentMethod(method) : this.#hook(() => idempotent(request)) === true
    if (onRequest !== undefined) {
      const outgoing = { method, path: this.#path, headers: new HeaderList(this.#headers) }
      this.#hook(() => onRequest(outgoing, request))
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

  #clientFacts({ host }: InboundHeaders): ClientFacts {
    const request = this.#request
    const address = clientAddress(request)
    const { trustProxy = request.app?.get?.('trust proxy fn') } = this.#shared.settings
    return {
      address,
      proto: 'encrypted' in request.socket ? 'https' : 'http',
      host: this.#clientHost || host || '',
      trusted: typeof trustProxy === 'function' ? trustProxy(address, 0) === true : trustProxy === true,
    }
  }

  #targetPath(): string {
    const { targetPrefix, rewritePath } = this.#shared.settings
    if (rewritePath !== undefined) return this.#hook(() => rewritePath(this.#path, this.#request))
    return targetPrefix === '' ? this.#path : targetPrefix + this.#path
  }

  #execute(): Promise<Answer> {
    const { lb, settings } = this.#shared
    const body = this.#body
    const hashKey = this.#hashKey()
    const common: ExecuteOptions<Answer> = {
      // A body that is streamed cannot go to two instances.
      idempotent: this.#isIdempotent && (body === undefined || body.isWhole),
      signal: this.#signal,
      classify: body === undefined ? classify : (result) => classifyWithBody(result, body),
      discard,
      retry: handsOnRetryAfter,
    }
    const options = hashKey === undefined ? common : { ...common, hashKey }
    return lb.execute(settings.service, (instance, context) => this.#attempt(instance, context), options)
  }

  #hashKey(): string | undefined {
    const { hashKey } = this.#shared.settings
    return hashKey === undefined ? this.#session?.hashKey : this.#hook(() => hashKey(this.#request))
  }

  #attempt(instance: ServiceInstance, context: AttemptContext): Promise<Answer> {
    const { pools, settings } = this.#shared
    const answer = new Answer(instance, context, this)
    const headers = this.#headers
    // The transport copies them before it returns.
    headers[headers.length - 1] = hostFor(instance, settings, this.#clientHost)
    return answer.started((handler) => {
      const options: Dispatcher.DispatchOptions & { readonly servername: string } = {
        method: (this.#request.method ?? 'GET') as Dispatcher.HttpMethod,
        path: this.#path,
        headers,
        body: this.#body?.open() ?? null,
        headersTimeout: timeout(settings.responseTimeoutMs),
        bodyTimeout: timeout(settings.idleTimeoutMs),
        upgrade: this.#upgrade ?? null,
        // Or undici would take it from `Host`, and change connections with that. The name of a certificate is the connector's to say.
        servername: settings.service,
      }
      pools.for(instance).dispatch(options, handler as Dispatcher.DispatchHandler)
    })
  }

  #passOn(answer: Answer): void {
    const response = this.#response
    if (this.#signal.aborted) {
      answer.abort(this.#signal.reason as Error)
      return
    }
    try {
      writeHead(response, answer.statusCode, answer.statusText, this.answerHeaders(answer))
    } catch (error) {
      answer.abort(new UnusableAnswer('its header cannot be passed on', { cause: error }))
      throw error
    }
    const { clock, idleTimeoutMs } = this.#shared.settings
    this.#answer = answer
    const sink = new ClientSink(response, answer, (onStalled) =>
      idleTimeoutMs === Number.POSITIVE_INFINITY ? () => {} : clock.setTimeout(onStalled, idleTimeoutMs),
    )
    answer.passTo(sink)
  }

  /** The header for the client. */
  answerHeaders({ instance, statusCode, headers }: Answer): string[] {
    const { settings } = this.#shared
    const hostSent = hostFor(instance, settings, this.#clientHost)
    rewriteHeaders(headers, { instance, mount: this.#mount, hostSent }, settings)
    const { passing, trailer, isChunked } = headers
    if (trailer !== undefined && isChunked && this.#request.httpVersion !== '1.0') passing.push('trailer', trailer)
    if (this.#session?.setCookie !== undefined) passing.push('set-cookie', this.#session.setCookie)
    const { onResponse } = settings
    if (onResponse !== undefined) {
      const answer = { instance, statusCode, headers: new HeaderList(passing) }
      this.#hook(() => onResponse(answer, this.#request, this.#response))
    }
    return passing
  }

  #hook<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw new HookFailure('a hook failed', { cause: error })
    }
  }
}

/** What a hook threw is not the load balancer's or the instance's. */
class HookFailure extends Error {}

function discard(answer: Answer): void {
  answer.discard()
}

function clientGone(): Error {
  return new DOMException('the client went away', 'AbortError')
}
