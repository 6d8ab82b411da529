import type { AttemptContext, LoadBalancer, ServiceInstance } from '@lb/core'
import {
  type FailedAttempt,
  isIdempotentMethod,
  parseServiceUrl,
  rejectOption,
  type ServiceUrl,
  type ServiceUrlRules,
} from '@lb/core/authoring'
import axios, {
  type AxiosAdapter,
  type AxiosInstance,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
  isAxiosError,
} from 'axios'
import { closeIdleConnections, type KeepAliveAgents, keepAliveAgents } from './agents.ts'
import { AttemptError, callerError, classify, isRedirected, type Settled } from './errors.ts'
import { sendNoticingHead } from './head-notice.ts'
import { checkArguments, type LoadBalancedAdapterOptions } from './options.ts'
import { type RedirectedRequest, RedirectFollower } from './redirect.ts'
import { ReplayingAgent } from './replayed-response.ts'
import {
  attemptRequest,
  Cancellation,
  environmentNamesProxy,
  instanceUrl,
  isStream,
  requestUrl,
  timeLeft,
  timeoutMs,
  withWholeForm,
} from './request.ts'
import { aboutRequest, type EarlyResponse, endOf, giveUp, isBody, isEarly } from './response.ts'
import { UndiciTransport } from './undici-transport.ts'

/**
 * An axios adapter that sends a request whose host is the name of a service to one of its instances, and on to another
 * when that fails and repeating is safe. Every other request passes through untouched.
 *
 *     const client = axios.create({ adapter: loadBalancedAdapter(lb) })
 *     await client.get('http://user-service/v1/profile')
 *
 * @throws InvalidOptionError
 */
export function loadBalancedAdapter(lb: LoadBalancer, options: LoadBalancedAdapterOptions = {}): AxiosAdapter {
  checkArguments('loadBalancedAdapter', lb, options)
  const sender = new Sender(lb, options)
  return (config) => sender.send(config)
}

/**
 * Installs the adapter on `client`, on top of the one it has, and returns `client`.
 *
 * @throws InvalidOptionError
 */
export function loadBalance<T extends AxiosInstance>(
  client: T,
  lb: LoadBalancer,
  options: LoadBalancedAdapterOptions = {},
): T {
  checkArguments('loadBalance', lb, options)
  if (client?.defaults === undefined) rejectOption('loadBalance.client', 'an axios instance', client)
  const adapter = options.adapter ?? client.defaults.adapter
  client.defaults.adapter = loadBalancedAdapter(lb, adapter === undefined ? options : { ...options, adapter })
  return client
}

/** How the attempts of one request are sent. */
interface Way {
  readonly redirects: RedirectFollower
  readonly adapter: AxiosAdapter
}

class Sender {
  readonly #lb: LoadBalancer
  readonly #options: LoadBalancedAdapterOptions
  readonly #rules: ServiceUrlRules
  readonly #adapter: NonNullable<LoadBalancedAdapterOptions['adapter']>
  readonly #httpAdapter = axios.getAdapter('http')
  readonly #agents: KeepAliveAgents
  readonly #mayBeProxied = environmentNamesProxy()
  readonly #undici: UndiciTransport | undefined

  constructor(lb: LoadBalancer, options: LoadBalancedAdapterOptions) {
    this.#lb = lb
    this.#options = options
    this.#rules = { lb, serviceOf: options.serviceOf }
    // Read now: this adapter may become the default itself.
    this.#adapter = options.adapter ?? axios.defaults.adapter ?? 'http'
    this.#agents = keepAliveAgents()
    closeIdleConnections(lb, this.#agents)
    this.#undici = options.undici && new UndiciTransport(lb, options.undici, options.pool)
  }

  async send(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    // Asked for here: an adapter that does not exist is no instance's failure.
    const adapter = axios.getAdapter(this.#adapter, config)
    const redirects = new RedirectFollower(this.#lb, this.#rules)
    let current = config
    let url = current.socketPath ? undefined : parseServiceUrl(requestUrl(current), this.#rules)
    while (url !== undefined) {
      const request = adapter === this.#httpAdapter ? withWholeForm(current) : current
      const settled = await this.#sendToService(request, url, { redirects, adapter }, config)
      if (!isRedirected(settled)) {
        settled.config = config
        aboutRequest(settled.data, config)
        return settled
      }
      current = settled.config
      url = settled.url
    }
    return adapter(current)
  }

  async #sendToService(
    config: InternalAxiosRequestConfig,
    url: ServiceUrl,
    way: Way,
    written: InternalAxiosRequestConfig,
  ): Promise<AxiosResponse | RedirectedRequest> {
    const { service } = url
    const attempts: FailedAttempt[] = []
    // A stream can be sent again as long as nobody read it, but not to two instances at a time.
    const idempotent = !isStream(config.data) && (this.#options.idempotent?.(config) ?? isIdempotent(config))
    const hashKey = this.#options.hashKey?.(config)
    const cancel = new Cancellation(config)
    try {
      const given = await this.#lb.execute<Settled>(
        service,
        (instance, context) => {
          giveUpBodies(attempts)
          return this.#attempt(config, url, instance, context, way)
        },
        {
          idempotent,
          // The time limit itself stays with the transport, where axios ends it with the response's headers.
          retryWithinMs: timeoutMs(config) ?? Number.POSITIVE_INFINITY,
          classify: (result, instance) => {
            if (!result.ok) attempts.push({ instance, error: AttemptError.unwrap(result.error) })
            else if (isEarly(result.value)) attempts.push({ instance, error: result.value.error })
            return classify(result, config)
          },
          discard,
          ...(hashKey === undefined ? undefined : { hashKey }),
          ...(cancel.signal === undefined ? undefined : { signal: cancel.signal }),
        },
      )
      // lb has decided: the caller waits for the rest as for that of any response.
      const settled = isEarly(given) ? await wholeOf(given, attempts) : given
      giveUpBodies(attempts)
      cancel.release(isRedirected(settled) ? undefined : settled.data)
      return settled
    } catch (failure) {
      const error = AttemptError.unwrap(failure)
      giveUpBodies(attempts.filter((attempt) => attempt.error !== error))
      cancel.release()
      throw callerError(error, written, { service, attempts })
    }
  }

  async #attempt(
    config: InternalAxiosRequestConfig,
    url: ServiceUrl,
    instance: ServiceInstance,
    context: AttemptContext,
    { redirects, adapter }: Way,
  ): Promise<Settled> {
    const isOwn = adapter === this.#httpAdapter
    // Only what axios's own adapter would send.
    const undici = isOwn && (!this.#mayBeProxied || config.proxy === false) ? this.#undici : undefined
    const host = this.#options.hostHeader === 'service' ? url.service : undefined
    const exchanged = await undici?.send(config, url, instance, context, host)?.catch(wrapped)
    if (exchanged !== undefined && !('redirect' in exchanged)) return exchanged
    let redirected: RedirectedRequest | undefined
    const request = attemptRequest(config, context, this.#agents, { isOwn, mayBeProxied: this.#mayBeProxied })
    if (host !== undefined) request.headers.set('Host', host, false)
    const attempted = { config, url, instanceUrl: instanceUrl(url, instance), headers: request.headers }
    request.url = attempted.instanceUrl
    request.beforeRedirect = redirects.hook(attempted, (next) => {
      redirected = next
    })
    const maxRedirects = redirects.maxRedirects(config)
    if (maxRedirects !== undefined) request.maxRedirects = maxRedirects
    // The response leads elsewhere: axios receives it as if it came now, and goes on from there.
    const replaying = exchanged && new ReplayingAgent(exchanged.redirect)
    if (replaying !== undefined) request.httpAgent = replaying
    try {
      // A stream is there with its head anyway.
      const isBuffered = isOwn && config.responseType !== 'stream' && replaying === undefined
      const response = await (isBuffered ? sendNoticingHead(request, context, adapter) : adapter(request))
      if (!isEarly(response) && isBody(response.data)) context.until(endOf(response.data))
      return response
    } catch (error) {
      if (redirected === undefined) throw AttemptError.wrap(error)
      return { ...redirected, config: { ...redirected.config, ...timeLeft(config, context) } }
    } finally {
      // Streams do not go this way, so that nothing is read from its connections any more.
      replaying?.destroy()
    }
  }
}

function wrapped(error: unknown): never {
  throw AttemptError.wrap(error)
}

function isIdempotent({ method = 'get', headers }: InternalAxiosRequestConfig): boolean {
  return isIdempotentMethod(method) || headers.has('Idempotency-Key')
}

/** The rest of `early`; the error of its attempt is that of the whole. */
async function wholeOf(early: EarlyResponse, attempts: FailedAttempt[]): Promise<AxiosResponse> {
  try {
    return await early.whole()
  } catch (error) {
    const place = attempts.findIndex((attempt) => attempt.error === early.error)
    const attempt = attempts[place]
    if (attempt !== undefined) attempts[place] = { ...attempt, error }
    throw error
  }
}

function discard(given: Settled): void {
  if (isEarly(given)) given.giveUp()
  else if (!isRedirected(given)) giveUp(given.data)
}

function giveUpBodies(attempts: readonly FailedAttempt[]): void {
  for (const { error } of attempts) if (isAxiosError(error)) giveUp(error.response?.data)
}
