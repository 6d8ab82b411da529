import type { LoadBalancer } from '@lb/core'
import {
  criticalityHeaderName,
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
} from 'axios'
import { closeIdleConnections, keepAliveAgents } from './agents.ts'
import { withWholeForm } from './form.ts'
import { checkArguments, type LoadBalancedAdapterOptions } from './options.ts'
import { environmentNamesProxy } from './proxy-lookup.ts'
import { RedirectedRequest } from './redirect.ts'
import { requestUrl } from './request.ts'
import { aboutRequest } from './response.ts'
import { type Sending, ServiceCall } from './service-call.ts'
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

const httpAdapter = axios.getAdapter('http')

/** Origins that are remembered. A program has few; one that makes them up must not fill the memory. */
const maxRemembered = 1_000
const origin = /^[a-z]+:\/\/[^/?#\\@]+(?=[/?#]|$)/i

class Sender {
  readonly #rules: ServiceUrlRules
  readonly #adapter: NonNullable<LoadBalancedAdapterOptions['adapter']>
  /** For requests by axios's own http adapter. */
  readonly #own: Sending
  /** Whether all requests are by that one. */
  readonly #isOwn: boolean
  /** Services by the origins of their URLs, without user information. */
  readonly #services = new Map<string, ServiceUrl>()

  constructor(lb: LoadBalancer, options: LoadBalancedAdapterOptions) {
    this.#rules = { lb, serviceOf: options.serviceOf }
    // Read now: this adapter may become the default itself.
    this.#adapter = options.adapter ?? axios.defaults.adapter ?? 'http'
    this.#isOwn = isOwn(this.#adapter)
    const agents = keepAliveAgents()
    closeIdleConnections(lb, agents)
    this.#own = {
      lb,
      rules: this.#rules,
      options,
      criticalityHeader: criticalityHeaderName(options.criticalityHeader),
      adapter: httpAdapter,
      isOwn: true,
      mayBeProxied: environmentNamesProxy(),
      agents,
      undici: options.undici && new UndiciTransport(lb, options.undici, options.pool),
    }
  }

  async send(written: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const sending = this.#sending(written)
    let config = written
    let url = this.#serviceUrl(written)
    let followed = 0
    while (url !== undefined) {
      const hasForm = sending.isOwn && typeof config.data === 'object'
      const call = new ServiceCall(hasForm ? withWholeForm(config) : config, url, sending, followed)
      try {
        const settled = await call.run()
        if (!(settled instanceof RedirectedRequest)) {
          settled.config = written
          if (typeof settled.data === 'object') aboutRequest(settled.data, written)
          return settled
        }
        ;({ config, url, followed } = settled)
      } catch (failure) {
        throw call.failed(failure, written)
      }
    }
    return sending.adapter(config)
  }

  #sending(config: InternalAxiosRequestConfig): Sending {
    if (this.#isOwn) return this.#own
    // Asked for here: an adapter that does not exist is no instance's failure.
    const adapter = axios.getAdapter(this.#adapter, config)
    return adapter === httpAdapter ? this.#own : { ...this.#own, adapter, isOwn: false }
  }

  #serviceUrl(config: InternalAxiosRequestConfig): ServiceUrl | undefined {
    if (config.socketPath) return undefined
    const url = requestUrl(config)
    // The application's own rule is asked for each URL.
    const key = this.#rules.serviceOf === undefined ? origin.exec(url)?.[0] : undefined
    if (key === undefined) return parseServiceUrl(url, this.#rules)
    const known = this.#services.get(key)
    if (known !== undefined) return { ...known, rest: url.slice(key.length) }
    const found = parseServiceUrl(url, this.#rules)
    // What is no service now may be one later.
    if (found !== undefined && this.#services.size < maxRemembered) this.#services.set(key, found)
    return found
  }
}

/** Whether `adapter` is axios's own http adapter for any request: it is asked for without one. */
function isOwn(adapter: NonNullable<LoadBalancedAdapterOptions['adapter']>): boolean {
  try {
    return axios.getAdapter(adapter) === httpAdapter
  } catch {
    return false
  }
}
