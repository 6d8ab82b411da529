import type { Agent } from 'node:http'
import type { AbortSignalLike, AttemptContext, ServiceInstance } from '@lb/core'
import { authorityOf, type ServiceUrl } from '@lb/core/authoring'
import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'
import { type KeepAliveAgents, withConnectionLimit } from './agents.ts'
import { endOf, isBody } from './response.ts'

/** The request's URL as axios combines it from `baseURL` and `url`. */
export function requestUrl({ baseURL, url: given = '', allowAbsoluteUrls }: InternalAxiosRequestConfig): string {
  // Some applications give a URL object.
  const url = String(given)
  const absolute = /^(?:lb:|(?:[a-z][a-z\d+\-.]*:)?\/\/)/i.test(url)
  if (baseURL === undefined || baseURL === '' || (absolute && allowAbsoluteUrls !== false)) return url
  return url === '' ? baseURL : `${baseURL.replace(/\/+$/, '')}/${url.replace(/^\/+/, '')}`
}

/** `url` with the instance in place of the service. A URL written as https never turns into http. */
export function instanceUrl(url: ServiceUrl, instance: ServiceInstance): string {
  const scheme = instance.secure || url.scheme === 'https' ? 'https' : 'http'
  return `${scheme}://${url.userInfo}${authorityOf(instance.host, instance.port)}${url.rest}`
}

/** The caller's time limit, read as axios reads it; `undefined` when there is none, or none that axios accepts. */
export function timeoutMs({ timeout }: InternalAxiosRequestConfig): number | undefined {
  if (timeout === undefined || timeout === 0) return undefined
  const ms = Number.parseInt(String(timeout), 10)
  return ms > 0 ? ms : undefined
}

/** What is left of the time limit for one attempt. */
export function timeLeft(config: InternalAxiosRequestConfig, { elapsedMs }: AttemptContext): { timeout?: number } {
  const ms = timeoutMs(config)
  return ms === undefined ? {} : { timeout: Math.max(1, Math.ceil(ms - elapsedMs)) }
}

/** What is known of the adapter that an attempt is for. */
export interface AdapterFacts {
  /** It is axios's own http adapter: what it does with a signal is known. */
  readonly isOwn: boolean
  /** The environment may name a proxy. */
  readonly mayBeProxied: boolean
}

/** The request of one attempt, still without its URL. */
export function attemptRequest(
  config: InternalAxiosRequestConfig,
  context: AttemptContext,
  agents: KeepAliveAgents,
  { isOwn, mayBeProxied }: AdapterFacts,
): InternalAxiosRequestConfig {
  const request: InternalAxiosRequestConfig = {
    ...config,
    ...timeLeft(config, context),
    headers: copyOf(config.headers),
    httpAgent: limitedAgent(config.httpAgent) ?? agents.http,
    httpsAgent: limitedAgent(config.httpsAgent) ?? agents.https,
    signal: isOwn ? new AttemptSignal(context) : context.signal,
  }
  // Not deleted: that makes every later read of the object slow.
  if (request.baseURL !== undefined) Object.assign(request, { baseURL: undefined })
  // Spares axios the look into the environment. An agent of the caller's may know of a proxy itself.
  const { httpAgent, httpsAgent } = config
  if (isOwn && !mayBeProxied && httpAgent === undefined && httpsAgent === undefined) request.proxy ??= false
  return request
}

/** What is no agent of Node's is left for the transport to refuse. */
function limitedAgent(agent: unknown): unknown {
  const isAgent = typeof agent === 'object' && agent !== null && 'addRequest' in agent
  return isAgent ? withConnectionLimit(agent as unknown as Agent) : agent
}

/** A copy that the transport may change. Its fields were checked when they were set. */
function copyOf(headers: AxiosHeaders): AxiosHeaders {
  return headers instanceof AxiosHeaders ? Object.assign(new AxiosHeaders(), headers) : new AxiosHeaders(headers)
}

/** The end of an attempt as the signal that axios's own http adapter takes; a real one costs more than all else here. */
export class AttemptSignal implements AbortSignalLike {
  aborted = false
  readonly #listeners = new Set<() => void>()

  constructor(context: AttemptContext) {
    context.onInterrupt(() => this.abort())
  }

  abort(): void {
    this.aborted = true
    for (const listener of this.#listeners) listener()
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }
}

/** Whether `data` is a stream, which can be sent only once. */
export function isStream(data: unknown): data is { pipe: unknown } {
  if (typeof data !== 'object' || data === null) return false
  return ('pipe' in data && typeof data.pipe === 'function') || data instanceof ReadableStream
}

/** Whether `data` can be sent again, as far as it was sent before. */
export function isReplayable(data: unknown): boolean {
  if (!isStream(data)) return true
  const { readableDidRead, destroyed }: { readableDidRead?: unknown; destroyed?: unknown } = Object(data)
  return readableDidRead === false && destroyed === false
}

/** What is used of a form of the package `form-data`, into which axios turns objects that are sent as multipart. */
interface NodeForm {
  readonly pipe: unknown
  getBuffer(): Buffer
  getHeaders(): Record<string, string>
}

/**
 * The request with its form as one piece, which can be sent again: a form is a stream, even when all of its parts lie in memory. The request
 * as it is when it has no such form, or a part that is a stream.
 */
export function withWholeForm(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
  const { data } = config
  if (!isNodeForm(data)) return config
  let whole: Buffer
  try {
    whole = data.getBuffer()
  } catch {
    // A part is a stream.
    return config
  }
  const headers = new AxiosHeaders(config.headers)
  const { formDataHeaderPolicy }: { readonly formDataHeaderPolicy?: unknown } = Object(config)
  for (const [name, value] of Object.entries(data.getHeaders())) {
    if (formDataHeaderPolicy !== 'content-only' || /^content-/i.test(name)) headers.set(name, value)
  }
  return { ...config, headers, data: whole }
}

function isNodeForm(data: unknown): data is NodeForm {
  if (typeof data !== 'object' || data === null || Buffer.isBuffer(data)) return false
  const { pipe, getBuffer, getHeaders }: Partial<Record<keyof NodeForm, unknown>> = Object(data)
  return typeof pipe === 'function' && typeof getBuffer === 'function' && typeof getHeaders === 'function'
}

/** The caller's signal and cancel token as one signal. */
export class Cancellation {
  readonly signal: AbortSignal | undefined
  #letGo: () => void = () => {}

  constructor({ signal, cancelToken }: InternalAxiosRequestConfig) {
    this.signal = signal as AbortSignal | undefined
    if (cancelToken === undefined) return
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    cancelToken.subscribe(abort)
    signal?.addEventListener?.('abort', abort)
    if (signal?.aborted === true) abort()
    this.signal = controller.signal
    this.#letGo = () => {
      cancelToken.unsubscribe(abort)
      signal?.removeEventListener?.('abort', abort)
    }
  }

  /** Lets go of signal and token, now or when `body` was read. */
  release(body?: unknown): void {
    if (isBody(body)) void endOf(body).then(this.#letGo, this.#letGo)
    else this.#letGo()
  }
}

const proxyVariable = /^(?:npm_config_)?(?:(?:https?|all)_)?proxy$/i

/** Whether the environment may name a proxy. Read once: axios reads it for each request, which takes longer than a pick. */
export function environmentNamesProxy(): boolean {
  return Object.entries(process.env).some(([name, value]) => value !== '' && proxyVariable.test(name))
}
