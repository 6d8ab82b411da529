import type { AttemptContext, ServiceInstance } from '@lb/core'
import { authorityOf, loadReportFormatHeader, type ServiceUrl } from '@lb/core/authoring'
import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'
import { isAgent, type KeepAliveAgents, withConnectionLimit } from './agents.ts'
import { spareProxyLookup } from './proxy-lookup.ts'

/** The request's URL as axios combines it from `baseURL` and `url`. */
export function requestUrl({ baseURL, url: given = '', allowAbsoluteUrls }: InternalAxiosRequestConfig): string {
  // Some applications give a URL object.
  const url = String(given)
  if (baseURL === undefined || baseURL === '') return url
  const isAbsolute = /^(?:lb:|(?:[a-z][a-z\d+\-.]*:)?\/\/)/i.test(url)
  if (isAbsolute && allowAbsoluteUrls !== false) return url
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

/** What is left of the time limit for one attempt, in milliseconds; `undefined` when there is none. */
export function timeLeft(config: InternalAxiosRequestConfig, context: AttemptContext): number | undefined {
  const ms = timeoutMs(config)
  return ms === undefined ? undefined : Math.max(1, Math.ceil(ms - context.elapsedMs))
}

/** How the requests of a call are sent. */
export interface SendingRules {
  /** By axios's own http adapter: what it does with a signal is known. */
  readonly isOwn: boolean
  /** The environment may name a proxy. */
  readonly mayBeProxied: boolean
  /** Used where the caller gives no agent. */
  readonly agents: KeepAliveAgents
}

/** The request of one attempt, which goes to `instance`, but for its signal. `direct`: without follow-redirects. */
export function attemptRequest(
  config: InternalAxiosRequestConfig,
  url: ServiceUrl,
  instance: ServiceInstance,
  context: AttemptContext,
  { isOwn, mayBeProxied, agents }: SendingRules,
  direct: boolean,
): InternalAxiosRequestConfig {
  const request = copyOf(config)
  request.url = instanceUrl(url, instance)
  // Not deleted: that makes every later read of the object slow.
  if (config.baseURL !== undefined) Object.assign(request, { baseURL: undefined })
  request.headers = headersCopy(config.headers)
  const { loadReportFormat } = context
  // What the caller writes itself stays.
  if (loadReportFormat !== undefined) request.headers.set(loadReportFormatHeader, loadReportFormat, false)
  request.httpAgent = config.httpAgent ?? agents.http
  request.httpsAgent = config.httpsAgent ?? agents.https
  const left = timeLeft(config, context)
  if (left !== undefined) request.timeout = left
  if (isOwn && !mayBeProxied && (config.proxy === undefined || config.proxy === null)) spareProxyLookup(request, direct)
  return request
}

/** A copy of `config` with the header `name`, whatever it had before. */
export function withField(config: InternalAxiosRequestConfig, name: string, value: string): InternalAxiosRequestConfig {
  const copy = copyOf(config)
  copy.headers = headersCopy(config.headers)
  copy.headers.set(name, value)
  return copy
}

/** Limits the connections and interim responses of a request that does not go out directly. */
export function limitAgents(request: InternalAxiosRequestConfig): void {
  const { httpAgent, httpsAgent } = request
  if (isAgent(httpAgent)) request.httpAgent = withConnectionLimit(httpAgent)
  if (isAgent(httpsAgent)) request.httpsAgent = withConnectionLimit(httpsAgent)
}

/** Not by a spread, which takes 2 µs more: axios's configs are objects without a prototype, which V8 keeps as dictionaries. */
function copyOf(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
  const copy: InternalAxiosRequestConfig & Record<PropertyKey, unknown> = Object({})
  for (const key in config) if (Object.hasOwn(config, key)) copy[key] = Reflect.get(config, key)
  for (const symbol of Object.getOwnPropertySymbols(config)) copy[symbol] = Reflect.get(config, symbol)
  return copy
}

/** A copy that the transport may change. Its fields were checked when they were set. */
function headersCopy(headers: AxiosHeaders): AxiosHeaders {
  return headers instanceof AxiosHeaders ? Object.assign(new AxiosHeaders(), headers) : new AxiosHeaders(headers)
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
