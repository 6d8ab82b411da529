import { type Clock, LoadBalancerClosedError } from '@lb/core'
import { checkDurationMs, parseRetryAfter, rejectOption, systemClock, systemRandom } from '@lb/core/authoring'
import { AnswerStream, wholeText } from './answer-body.ts'
import { checkClientOptions, type RegistryClientOptions } from './client-options.ts'
import { Connections } from './connections.ts'
import { Connector } from './connector.ts'
import { type AnswerHead, Exchange, type PreparedRequest } from './exchange.ts'
import { type OpenCall, OpenCalls } from './open-calls.ts'
import type { RegistryAnswer, RegistryStream } from './registry-answer.ts'
import { RegistryError } from './registry-error.ts'
import type { RegistryRequest } from './registry-request.ts'
import { requestContent } from './request-content.ts'
import { requestTarget } from './request-target.ts'
import { printable, ServerFailure, unanswered } from './server-failure.ts'
import { ServerOrder } from './server-order.ts'
import { parseServerUrl, type ServerUrl } from './server-url.ts'

interface Server extends ServerUrl {
  readonly connections: Connections
}

/** One server is asked, and its answer or the beginning of it is taken. */
interface Attempt {
  readonly server: Server
  readonly exchange: Exchange
  readonly head: AnswerHead
  /** What messages begin with. */
  readonly subject: string
}

/** Answers of a server that stands in front of the registry, or cannot serve now: another server may. */
const statusesOfFailure: ReadonlySet<number> = new Set([502, 503, 504])

/**
 * HTTP to one registry with one or several servers.
 *
 * Statuses are not judged here: an answer is an answer. Only a server that cannot be reached, is silent for too long, or breaks off is a failure,
 * and answers 502, 503 and 504 when another server is left to ask; then the next server is asked, and the one that answered stays the first choice.
 * Redirects are not followed: they are answers.
 *
 *     const client = new RegistryClient({ owner: 'EtcdDiscovery', servers: ['http://10.0.0.1:2379', 'http://10.0.0.2:2379'] })
 *     const answer = await client.request({ method: 'POST', path: '/v3/kv/range', body: { key } })
 *     const stream = await client.stream({ method: 'POST', path: '/v3/watch', body, signal, idleTimeoutMs: 60_000 })
 *     for await (const line of stream.lines()) …
 */
export class RegistryClient {
  readonly #owner: string
  readonly #servers: readonly Server[]
  readonly #order: ServerOrder<Server>
  readonly #connector: Connector
  readonly #calls = new OpenCalls()
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #maxAnswerBytes: number
  #closing: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(options: RegistryClientOptions) {
    checkClientOptions(options)
    const { owner, clock = systemClock, timeoutMs = 5_000, maxAnswerBytes = 64 * 1_024 * 1_024 } = options
    this.#owner = owner
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#maxAnswerBytes = maxAnswerBytes
    this.#connector = new Connector({
      tls: typeof options.tls === 'function' ? options.tls : { ...options.tls },
      timeoutMs,
      clock,
    })
    this.#servers = Array.from(new Set(options.servers), (name, index) => {
      const url = parseServerUrl(`${owner}.servers[${index}]`, name)
      const connections = new Connections(
        url.origin,
        this.#connector,
        options.maxConnections ?? Number.POSITIVE_INFINITY,
      )
      return { ...url, connections }
    })
    this.#order = new ServerOrder(this.#servers, options.random ?? systemRandom)
  }

  /** Asks, and reads the whole answer. @throws RegistryError, or the reason of `signal` */
  async request(request: RegistryRequest): Promise<RegistryAnswer> {
    const call = this.#begin(request)
    try {
      return await this.#inTurn(request, call, async ({ server, exchange, head, subject }) => {
        const text = await wholeText(exchange, head, this.#maxAnswerBytes, subject)
        return { ...head, text, server: server.name, json: () => parseJson(text, `${subject} answered ${head.status}`) }
      })
    } finally {
      call.end()
    }
  }

  /**
   * Asks for an answer without an end. `timeoutMs` counts until its head is there; after that `idleTimeoutMs` does, from one piece of the
   * answer to the next, while `lines()` waits for it; without it there is no limit.
   *
   * @throws RegistryError, or the reason of `signal`
   */
  async stream(request: RegistryRequest & { readonly idleTimeoutMs?: number }): Promise<RegistryStream> {
    const { idleTimeoutMs, timeoutMs = this.#timeoutMs } = request
    checkDurationMs(`${this.#owner}: idleTimeoutMs`, idleTimeoutMs, { min: 1 })
    const call = this.#begin(request)
    try {
      return await this.#inTurn(request, call, async ({ server, exchange, head, subject }) => {
        call.signal.addEventListener('abort', () => exchange.end(call.signal.reason), { once: true })
        const limits = { maxAnswerBytes: this.#maxAnswerBytes, timeoutMs, idleTimeoutMs, clock: this.#clock }
        return new AnswerStream({ exchange, head, call }, { server: server.name, subject, limits })
      })
    } catch (cause) {
      call.end()
      throw cause
    }
  }

  /** The error for an answer with an unwanted status: names server, path, status and `reason`. */
  error(
    answer: { readonly status: number; readonly server: string; readonly headers: ReadonlyMap<string, string> },
    path: string,
    reason?: string,
  ): RegistryError {
    const why = reason === undefined || reason === '' ? '' : `: ${printable(reason)}`
    const retryAfterMs = retryAfterOf(answer)
    return new RegistryError(`${this.#owner}: ${answer.server} answered ${answer.status} to ${path}${why}`, {
      status: answer.status,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }

  /** Ends every connection. What is under way rejects; later calls do too. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const closed = this.#closedError()
    this.#calls.interrupt(closed)
    this.#connector.close(closed)
    await Promise.all(this.#servers.map(({ connections }) => connections.close(closed)))
  }

  #begin(request: RegistryRequest): OpenCall {
    if (this.#closing !== undefined) throw this.#closedError()
    checkDurationMs(`${this.#owner}: timeoutMs`, request.timeoutMs, { min: 1 })
    return this.#calls.begin(request.signal)
  }

  /** Asks server after server until one answers, and `take` has what it wants of the answer. */
  async #inTurn<T>(request: RegistryRequest, call: OpenCall, take: (attempt: Attempt) => Promise<T>): Promise<T> {
    const content = requestContent(request)
    const servers = this.#serversFor(request)
    const failures: { server: string; failure: ServerFailure }[] = []
    for (const [index, server] of servers.entries()) {
      const isLast = index === servers.length - 1 || request.idempotent === false
      const path = requestTarget(this.#owner, server.basePath, request)
      try {
        const taken = await this.#ask(server, { ...content, method: request.method, path }, request, call, isLast, take)
        if (request.server === undefined) this.#order.answered(server)
        return taken
      } catch (failure) {
        if (!(failure instanceof ServerFailure)) throw failure
        failures.push({ server: server.name, failure })
        if (request.idempotent === false && failure.wasSent) break
      }
    }
    throw unanswered(this.#owner, request, failures)
  }

  #serversFor(request: RegistryRequest): readonly Server[] {
    if (request.server === undefined) return this.#order.inTurn()
    const server = this.#servers.find(({ name }) => name === request.server)
    if (server === undefined) rejectOption(`${this.#owner}: server`, 'one of the servers of the client', request.server)
    return [server]
  }

  /** @throws ServerFailure when another server may be asked; what ended the call; RegistryError when the answer is of no use */
  async #ask<T>(
    server: Server,
    prepared: PreparedRequest,
    { path, timeoutMs = this.#timeoutMs, background = false }: RegistryRequest,
    { signal }: OpenCall,
    isLast: boolean,
    take: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    const exchange = new Exchange(server.connections, prepared)
    const expire = (): void => exchange.end(new Error(`no answer within ${timeoutMs} ms`))
    const interrupt = (): void => exchange.end(signal.reason)
    const cancelTimer = this.#clock.setTimeout(expire, timeoutMs, { background })
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      const head = await exchange.head()
      if (!isLast && statusesOfFailure.has(head.status)) throw refusal(head)
      return await take({ server, exchange, head, subject: `${this.#owner}: ${server.name}${path}` })
    } catch (cause) {
      exchange.end(cause)
      if (signal.aborted) throw signal.reason
      if (cause instanceof RegistryError || cause instanceof ServerFailure) throw cause
      throw ServerFailure.of(cause, exchange.wasSent)
    } finally {
      cancelTimer()
      signal.removeEventListener('abort', interrupt)
    }
  }

  #closedError(): LoadBalancerClosedError {
    return new LoadBalancerClosedError(`${this.#owner} was closed`)
  }
}

function refusal(head: AnswerHead): ServerFailure {
  const retryAfterMs = retryAfterOf(head)
  return new ServerFailure(`answered ${head.status}`, { wasSent: true, status: head.status, retryAfterMs })
}

function retryAfterOf({ headers }: { headers: ReadonlyMap<string, string> }): number | undefined {
  return parseRetryAfter(headers.get('retry-after'), headers.get('date'))
}

function parseJson(text: string, subject: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message shows a part of the text.
    throw new RegistryError(`${subject} with a body that is not JSON`)
  }
}
