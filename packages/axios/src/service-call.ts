import type { AttemptContext, Criticality, ExecuteOptions, LoadBalancer, ServiceInstance } from '@lb/core'
import {
  criticalityOf,
  type FailedAttempt,
  isIdempotentMethod,
  loadReportFormatHeader,
  type ServiceUrl,
  type ServiceUrlRules,
} from '@lb/core/authoring'
import { type AxiosAdapter, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios'
import { Cancellation } from './cancellation.ts'
import { classify, type Settled } from './classification.ts'
import { AttemptSignal, type DirectResponse, sendDirectly } from './direct-transport.ts'
import { AttemptError, callerError } from './errors.ts'
import { sendNoticingHead } from './head-notice.ts'
import type { LoadBalancedAdapterOptions, LoadBalancedRequestConfig } from './options.ts'
import { RedirectedRequest, RedirectFollower } from './redirect.ts'
import { type ResponseHead, replay } from './replayed-response.ts'
import { attemptRequest, isStream, limitAgents, type SendingRules, timeLeft, timeoutMs, withField } from './request.ts'
import { EarlyResponse, endOf, giveUp, isBody } from './response.ts'
import type { UndiciTransport } from './undici-transport.ts'

/** How the attempts of a request are sent. */
export interface Sending extends SendingRules {
  readonly lb: LoadBalancer
  readonly rules: ServiceUrlRules
  readonly options: LoadBalancedAdapterOptions
  /** The header that says the class of the call; `undefined`: none. */
  readonly criticalityHeader: string | undefined
  readonly adapter: AxiosAdapter
  readonly undici: UndiciTransport | undefined
}

/** One request to one service, with all its attempts. */
export class ServiceCall {
  #config: InternalAxiosRequestConfig
  readonly #url: ServiceUrl
  readonly #sending: Sending
  readonly #followed: number
  readonly #isDirect: boolean
  readonly #attempts: FailedAttempt[] = []
  readonly #cancellation: Cancellation | undefined

  /** @param followed how many redirects led to the request */
  constructor(config: InternalAxiosRequestConfig, url: ServiceUrl, sending: Sending, followed: number) {
    this.#config = config
    this.#url = url
    this.#sending = sending
    this.#followed = followed
    this.#isDirect = isDirect(config, sending)
    this.#cancellation = config.cancelToken === undefined ? undefined : new Cancellation(config)
  }

  /** @throws what the last attempt threw, without wrapping */
  async run(): Promise<AxiosResponse | RedirectedRequest> {
    const attempt = (instance: ServiceInstance, context: AttemptContext): Promise<Settled> =>
      this.#attempt(instance, context)
    let settled = await this.#sending.lb.execute(this.#url.service, attempt, this.#executeOptions())
    // lb has decided: the caller waits for the rest as for that of any response.
    if (settled instanceof EarlyResponse) settled = await this.#wholeOf(settled)
    if (this.#attempts.length > 0) this.#giveUpBodies()
    this.#cancellation?.release(settled instanceof RedirectedRequest ? undefined : settled.data)
    return settled
  }

  /** What the caller gets for `failure`, which `run` threw. */
  failed(failure: unknown, written: InternalAxiosRequestConfig): unknown {
    const error = AttemptError.unwrap(failure)
    this.#giveUpBodies(error)
    this.#cancellation?.release()
    return callerError(error, written, { service: this.#url.service, attempts: this.#attempts })
  }

  #executeOptions(): ExecuteOptions<Settled> {
    const config = this.#config
    const criticality = this.#criticality()
    const { hashKey, match, idempotent } = this.#sending.options
    // axios's type lacks what every signal has; lb checks it.
    const { signal }: { readonly signal?: AbortSignal } = Object(config)
    return {
      // A stream can be sent again as long as it was not read, but not to two instances at a time.
      idempotent:
        !(typeof config.data === 'object' && isStream(config.data)) && (idempotent?.(config) ?? isIdempotent(config)),
      // The time limit itself stays with the transport, where axios ends it with the response's headers.
      retryWithinMs: timeoutMs(config),
      classify: (result, instance) => {
        if (!result.ok) this.#attempts.push({ instance, error: AttemptError.unwrap(result.error) })
        else if (result.value instanceof EarlyResponse) this.#attempts.push({ instance, error: result.value.error })
        return classify(result, config)
      },
      discard,
      httpMethod: config.method ?? 'get',
      hashKey: hashKey?.(config),
      match: match?.(config),
      criticality,
      signal: this.#cancellation?.signal ?? signal,
    }
  }

  /** The class of the call, which its requests say to the instances where that is an option. */
  #criticality(): Criticality | undefined {
    const { options, criticalityHeader } = this.#sending
    const { criticality: own }: Pick<LoadBalancedRequestConfig, 'criticality'> = Object(this.#config)
    const found = own ?? (options.criticality && criticalityOf(options.criticality, this.#config))
    if (criticalityHeader !== undefined) this.#config = withField(this.#config, criticalityHeader, found ?? 'default')
    return found
  }

  async #attempt(instance: ServiceInstance, context: AttemptContext): Promise<Settled> {
    if (this.#attempts.length > 0) this.#giveUpBodies()
    try {
      const sent = await (this.#overUndici(instance, context) ??
        (this.#isDirect ? this.#directly(instance, context) : this.#following(instance, context)))
      if ('redirect' in sent) return await this.#following(instance, context, sent.redirect)
      if ('data' in sent && typeof sent.data === 'object' && isBody(sent.data)) context.until(endOf(sent.data))
      return sent
    } catch (error) {
      throw AttemptError.wrap(error)
    }
  }

  #overUndici(instance: ServiceInstance, context: AttemptContext): ReturnType<UndiciTransport['send']> {
    const { undici, isOwn, mayBeProxied } = this.#sending
    // Only what axios's own adapter would send.
    if (undici === undefined || !isOwn || (mayBeProxied && this.#config.proxy !== false)) return undefined
    return undici.send(this.#config, this.#url, instance, context, this.#host)
  }

  #directly(instance: ServiceInstance, context: AttemptContext): Promise<DirectResponse> {
    return sendDirectly(this.#request(instance, context, true), context, this.#sending.adapter)
  }

  /** By an adapter that follows redirects itself, but for those that lead to a service; `redirect`: what the instance responded with. */
  async #following(instance: ServiceInstance, context: AttemptContext, redirect?: ResponseHead): Promise<Settled> {
    const { lb, rules, adapter, isOwn } = this.#sending
    const config = this.#config
    const redirects = new RedirectFollower(lb, rules, this.#followed)
    const request = this.#request(instance, context, false)
    limitAgents(request)
    if (redirect !== undefined) replay(redirect, request)
    const { url: to = '', headers } = request
    const attempted = { config, url: this.#url, instanceUrl: to, headers, added: this.#addedHeaders(context) }
    let next: RedirectedRequest | undefined
    request.beforeRedirect = redirects.hook(attempted, (taken) => {
      next = taken
    })
    const maxRedirects = redirects.maxRedirects(config)
    if (maxRedirects !== undefined) request.maxRedirects = maxRedirects
    const signal = isOwn ? new AttemptSignal(context) : undefined
    request.signal = signal ?? context.signal
    try {
      // A stream is there with its head anyway.
      if (signal === undefined || config.responseType === 'stream') return await adapter(request)
      return await sendNoticingHead(request, context, () => signal.abort(), adapter)
    } catch (error) {
      if (next === undefined) throw error
      const left = timeLeft(config, context)
      const nextConfig = left === undefined ? next.config : { ...next.config, timeout: left }
      return new RedirectedRequest(nextConfig, next.url, next.statusCode, next.followed)
    }
  }

  #request(instance: ServiceInstance, context: AttemptContext, direct: boolean): InternalAxiosRequestConfig {
    const request = attemptRequest(this.#config, this.#url, instance, context, this.#sending, direct)
    if (this.#host !== undefined) request.headers.set('Host', this.#host, false)
    return request
  }

  /** The headers that lb adds to a request, in lower case. */
  #addedHeaders({ loadReportFormat }: AttemptContext): readonly string[] {
    const { criticalityHeader } = this.#sending
    const added = criticalityHeader === undefined ? [] : [criticalityHeader.toLowerCase()]
    const asksForReport = loadReportFormat !== undefined && !this.#config.headers.has(loadReportFormatHeader)
    return asksForReport ? [...added, loadReportFormatHeader] : added
  }

  /** The `Host` header, where it is not the address. */
  get #host(): string | undefined {
    return this.#sending.options.hostHeader === 'service' ? this.#url.service : undefined
  }

  /** The rest of `early`; the error of its attempt is that of the whole. */
  async #wholeOf(early: EarlyResponse): Promise<AxiosResponse> {
    try {
      return await early.whole()
    } catch (error) {
      const place = this.#attempts.findIndex((attempt) => attempt.error === early.error)
      const attempt = this.#attempts[place]
      if (attempt !== undefined) this.#attempts[place] = { ...attempt, error }
      throw error
    }
  }

  /** Frees the connections of earlier attempts; not that of the one that failed with `error`, which the caller gets. */
  #giveUpBodies(error?: unknown): void {
    for (const attempt of this.#attempts) {
      if (attempt.error !== error && isAxiosError(attempt.error)) giveUp(attempt.error.response?.data)
    }
  }
}

/** Whether axios's own adapter may send `config` directly, and redirects can be followed afterwards, as nothing of it is used up. */
function isDirect(config: InternalAxiosRequestConfig, { isOwn, mayBeProxied }: SendingRules): boolean {
  const { proxy, transport, maxRedirects, maxRate, onUploadProgress, data } = config
  if (!isOwn || maxRedirects === 0 || transport || maxRate || onUploadProgress) return false
  if (proxy !== false && (mayBeProxied || proxy)) return false
  const { httpVersion = 1, sensitiveHeaders }: { httpVersion?: unknown; sensitiveHeaders?: unknown } = config
  if (Number(httpVersion) !== 1 || (sensitiveHeaders !== undefined && sensitiveHeaders !== null)) return false
  return typeof data !== 'object' || data === null || Buffer.isBuffer(data) || data instanceof ArrayBuffer
}

function isIdempotent({ method = 'get', headers }: InternalAxiosRequestConfig): boolean {
  return isIdempotentMethod(method) || headers.has('Idempotency-Key')
}

function discard(given: Settled): void {
  if (given instanceof EarlyResponse) given.giveUp()
  else if (!(given instanceof RedirectedRequest)) giveUp(given.data)
}
