import { type AttemptContext, isIdempotentMethod, type LoadBalancer, type ServiceInstance } from '@lb/core'
import axios, {
  type AxiosAdapter,
  AxiosHeaders,
  type AxiosInstance,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios'
import { Cancellation } from './cancellation.ts'
import { classify, isRedirected, type Settled } from './classification.ts'
import { callerError, type FailedAttempt } from './error.ts'
import { closeIdleConnections, type KeepAliveAgents, keepAliveAgents } from './keep-alive-agents.ts'
import { checkArguments, type LoadBalancedAdapterOptions } from './options.ts'
import { type RedirectedRequest, RedirectFollower } from './redirect.ts'
import { endOf, isReadable } from './response-body.ts'
import { instanceUrl, parseServiceUrl, requestUrl, type ServiceUrl, type ServiceUrlRules } from './service-url.ts'

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
  const adapter = options.adapter ?? client.defaults.adapter
  client.defaults.adapter = loadBalancedAdapter(lb, adapter === undefined ? options : { ...options, adapter })
  return client
}

class Sender {
  readonly #lb: LoadBalancer
  readonly #options: LoadBalancedAdapterOptions
  readonly #rules: ServiceUrlRules
  readonly #adapter: NonNullable<LoadBalancedAdapterOptions['adapter']>
  readonly #agents: KeepAliveAgents

  constructor(lb: LoadBalancer, options: LoadBalancedAdapterOptions) {
    this.#lb = lb
    this.#options = options
    this.#rules = { configuredServices: lb.configuredServices, serviceOf: options.serviceOf }
    // Read now: this adapter may become the default itself.
    this.#adapter = options.adapter ?? axios.defaults.adapter ?? 'http'
    this.#agents = keepAliveAgents()
    closeIdleConnections(lb, this.#agents)
  }

  async send(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const redirects = new RedirectFollower(this.#lb, this.#rules)
    let current = config
    for (;;) {
      const url = current.socketPath ? undefined : parseServiceUrl(requestUrl(current), this.#rules)
      if (url === undefined) return axios.getAdapter(this.#adapter, current)(current)
      const settled = await this.#sendToService(current, url, redirects, config)
      if (!isRedirected(settled)) {
        settled.config = config
        return settled
      }
      current = settled.config
    }
  }

  async #sendToService(
    config: InternalAxiosRequestConfig,
    url: ServiceUrl,
    redirects: RedirectFollower,
    written: InternalAxiosRequestConfig,
  ): Promise<Settled> {
    const { service } = url
    const attempts: FailedAttempt[] = []
    const cancel = new Cancellation(config)
    const timeoutMs = Number(config.timeout) || Number.POSITIVE_INFINITY
    const hashKey = this.#options.hashKey?.(config)
    try {
      return await this.#lb.execute<Settled>(
        service,
        async (instance, context) => {
          try {
            return await this.#attempt(config, url, instance, context, redirects)
          } catch (error) {
            attempts.push({ instance, error })
            throw error
          }
        },
        {
          idempotent: this.#options.idempotent?.(config) ?? isIdempotent(config),
          // The time limit itself stays with the transport, where axios ends it with the response's headers.
          retryWithinMs: timeoutMs,
          classify: (result) => classify(result, config),
          discard: (settled) => {
            if (!isRedirected(settled) && isReadable(settled.data)) settled.data.destroy()
          },
          ...(hashKey === undefined ? undefined : { hashKey }),
          ...(cancel.signal === undefined ? undefined : { signal: cancel.signal }),
        },
      )
    } catch (error) {
      throw callerError(error, written, { service, attempts })
    } finally {
      cancel.release()
    }
  }

  async #attempt(
    config: InternalAxiosRequestConfig,
    url: ServiceUrl,
    instance: ServiceInstance,
    context: AttemptContext,
    redirects: RedirectFollower,
  ): Promise<Settled> {
    let redirected: RedirectedRequest | undefined
    const request: InternalAxiosRequestConfig = {
      ...config,
      url: instanceUrl(url, instance),
      headers: new AxiosHeaders(config.headers),
      httpAgent: config.httpAgent ?? this.#agents.http,
      httpsAgent: config.httpsAgent ?? this.#agents.https,
      signal: context.signal,
      beforeRedirect: redirects.hook(config, url.service, (next) => {
        redirected = next
      }),
    }
    delete request.baseURL
    delete request.cancelToken
    if (config.timeout) request.timeout = Math.max(1, Math.ceil(Number(config.timeout) - context.elapsedMs))
    if (this.#options.hostHeader === 'service') request.headers.set('Host', url.service, false)
    try {
      const response = await axios.getAdapter(this.#adapter, request)(request)
      if (isReadable(response.data)) context.until(endOf(response.data))
      return response
    } catch (error) {
      if (redirected !== undefined) return redirected
      throw error
    }
  }
}

function isIdempotent({ method = 'get', headers }: InternalAxiosRequestConfig): boolean {
  return isIdempotentMethod(method) || headers.has('Idempotency-Key')
}
