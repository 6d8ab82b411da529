import type { LoadBalancer } from '@lb/core'
import { AxiosError, AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'
import { isStream } from './request-body.ts'
import { instanceUrl, parseServiceUrl, type ServiceUrl, type ServiceUrlRules } from './service-url.ts'

type BeforeRedirect = NonNullable<InternalAxiosRequestConfig['beforeRedirect']>
type RedirectOptions = Parameters<BeforeRedirect>[0]

/** What the transport follows when nothing is configured. */
const defaultMaxRedirects = 21

/** Thrown out of the transport's redirect hook to take the redirect over; never seen by callers. */
class RedirectTakenOver extends Error {}

/** The next request of a chain of redirects, to be balanced like the first. */
export interface RedirectedRequest {
  readonly config: InternalAxiosRequestConfig
  readonly statusCode: number
}

/**
 * Follows one request through its redirects. Those to an address are the transport's work; those to a service are taken
 * over, and balanced like any request.
 */
export class RedirectFollower {
  readonly #lb: LoadBalancer
  readonly #rules: ServiceUrlRules
  #followed = 0

  constructor(lb: LoadBalancer, rules: ServiceUrlRules) {
    this.#lb = lb
    this.#rules = rules
  }

  /**
   * The hook for one attempt at `config`. `takeOver` is called with the request to make instead when a redirect leads to
   * a service; the attempt then fails with an error of no interest.
   */
  hook(
    config: InternalAxiosRequestConfig,
    service: string,
    takeOver: (next: RedirectedRequest) => void,
  ): BeforeRedirect {
    const followed = this.#followed
    let hops = 0
    return (options, details, request) => {
      hops++
      this.#followed = followed + hops
      config.beforeRedirect?.(options, details, request)
      if (this.#followed > (config.maxRedirects ?? defaultMaxRedirects)) {
        throw new AxiosError('Maximum number of redirects exceeded', 'ERR_FR_TOO_MANY_REDIRECTS', config)
      }
      const target = parseServiceUrl(redirectUrl(options), this.#rules)
      if (target === undefined) return
      if (isStream(config.data) && keepsMethod(options, config)) {
        // Only the transport still has the body, so the redirect stays with it.
        sendToInstance(options, target, this.#lb)
        return
      }
      takeOver({
        config: redirected(config, options, service === target.service),
        statusCode: details.statusCode as unknown as number,
      })
      throw new RedirectTakenOver()
    }
  }
}

function redirectUrl({ protocol, hostname, port, path }: RedirectOptions): string {
  const host = String(hostname).includes(':') ? `[${hostname}]` : hostname
  return `${protocol}//${host}${port ? `:${port}` : ''}${path}`
}

function keepsMethod(options: RedirectOptions, config: InternalAxiosRequestConfig): boolean {
  return String(options.method).toUpperCase() === (config.method ?? 'get').toUpperCase()
}

/** Credentials go on to the service they were meant for, and to no other. */
function redirected(
  config: InternalAxiosRequestConfig,
  options: RedirectOptions,
  sameService: boolean,
): InternalAxiosRequestConfig {
  const headers = new AxiosHeaders(options.headers)
  headers.delete('host')
  if (sameService) headers.set({ ...credentials(config), ...headers.toJSON() })
  const next = { ...config, url: redirectUrl(options), headers, method: String(options.method).toLowerCase() }
  delete next.baseURL
  delete next.params
  if (!keepsMethod(options, config)) delete next.data
  if (!sameService) delete next.auth
  return next
}

function credentials({ headers }: InternalAxiosRequestConfig): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of ['authorization', 'cookie']) {
    const value = headers.get(name)
    if (typeof value === 'string') kept[name] = value
  }
  return kept
}

function sendToInstance(options: RedirectOptions, target: ServiceUrl, lb: LoadBalancer): void {
  const { protocol, hostname, port, host, href } = new URL(instanceUrl(target, lb.pick(target.service)))
  Object.assign(options, { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, host, href })
}
