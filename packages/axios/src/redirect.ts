import type { LoadBalancer } from '@lb/core'
import { authorityOf, parseServiceUrl, type ServiceUrl, type ServiceUrlRules } from '@lb/core/authoring'
import { type AxiosBasicCredentials, AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'
import { instanceUrl, isStream } from './request.ts'

type BeforeRedirect = NonNullable<InternalAxiosRequestConfig['beforeRedirect']>
type RedirectOptions = Parameters<BeforeRedirect>[0]

/** What the transport follows when nothing is configured. */
const defaultMaxRedirects = 21

/** Thrown out of the transport's redirect hook to take the redirect over; never seen by callers. */
class RedirectTakenOver extends Error {}

/** The next request of a chain of redirects, to be balanced like the first. */
export class RedirectedRequest {
  readonly config: InternalAxiosRequestConfig
  /** Where it goes, which its config may not say: an instance may call itself by a name that is no service's. */
  readonly url: ServiceUrl
  readonly statusCode: number
  /** How many redirects led to it. */
  readonly followed: number

  constructor(config: InternalAxiosRequestConfig, url: ServiceUrl, statusCode: number, followed: number) {
    this.config = config
    this.url = url
    this.statusCode = statusCode
    this.followed = followed
  }
}

/** What one attempt at a request asks for. */
export interface Attempted {
  readonly config: InternalAxiosRequestConfig
  readonly url: ServiceUrl
  /** Where the attempt goes. */
  readonly instanceUrl: string
  /** As they are sent: by their `Host` the instance may call itself. */
  readonly headers: AxiosHeaders
  /** The names of those that lb added: they are for the instance alone. */
  readonly added: readonly string[]
}

/**
 * Follows one request through its redirects. Those to an address are the transport's work; those to a service are taken
 * over, and balanced like any request.
 */
export class RedirectFollower {
  readonly #lb: LoadBalancer
  readonly #rules: ServiceUrlRules
  readonly #followed: number

  /** @param followed how many redirects led to the request */
  constructor(lb: LoadBalancer, rules: ServiceUrlRules, followed: number) {
    this.#lb = lb
    this.#rules = rules
    this.#followed = followed
  }

  /** How many redirects the transport may follow: the limit holds for the whole chain. */
  maxRedirects({ maxRedirects }: InternalAxiosRequestConfig): number | undefined {
    if (this.#followed === 0) return maxRedirects
    // 0 would mean to hand the next redirect out; -1 refuses it.
    return (maxRedirects ?? defaultMaxRedirects) - this.#followed || -1
  }

  /**
   * The hook for one attempt. `takeOver` is called with the request to make instead when a redirect leads to a service;
   * the attempt then fails with an error of no interest.
   */
  hook(attempted: Attempted, takeOver: (next: RedirectedRequest) => void): BeforeRedirect {
    const { config, url } = attempted
    let hops = 0
    let stayed = true
    return (options, details, request) => {
      hops++
      if (!sameOrigin(redirectUrl(options), attempted.instanceUrl)) removeHeaders(options, attempted.added)
      else if (stayed) restoreAuth(options, config)
      config.beforeRedirect?.(options, details, request)
      const location = redirectUrl(options)
      const target = parseServiceUrl(location, this.#rules) ?? ownUrl(location, attempted)
      if (target === undefined) {
        stayed &&= sameOrigin(location, attempted.instanceUrl)
        return
      }
      // Credentials go on to the service they were meant for, and to no other; once away they stay away.
      const keep = stayed && url.service === target.service && !isDowngrade(url, target)
      const next = redirected(attempted, options, keep)
      if (next.data !== undefined && isStream(next.data)) {
        // Only the transport still has the body, so the redirect stays with it.
        sendToInstance(options, next, target, this.#lb)
        return
      }
      const to = keep ? { ...target, userInfo: url.userInfo } : target
      takeOver(new RedirectedRequest(next, to, Number(details.statusCode), this.#followed + hops))
      throw new RedirectTakenOver()
    }
  }
}

/** A URL of the instance itself under the name that it was called by, which may lead nowhere: the service's. */
function ownUrl(location: string, { url, headers }: Attempted): ServiceUrl | undefined {
  const host = headers.get('Host')
  if (typeof host !== 'string' || !URL.canParse(location)) return undefined
  const { protocol, host: authority, pathname, search, hash } = new URL(location)
  if (!URL.canParse(`${protocol}//${host}`) || new URL(`${protocol}//${host}`).host !== authority) return undefined
  return { service: url.service, scheme: protocol.slice(0, -1), userInfo: '', rest: pathname + search + hash }
}

/** What was meant for an encrypted connection must not go on in the clear. */
function isDowngrade(from: ServiceUrl, to: ServiceUrl): boolean {
  return from.scheme === 'https' && to.scheme !== 'https'
}

function redirectUrl({ protocol, hostname, port, path }: RedirectOptions): string {
  // A proxy is asked for the whole URL.
  if (!String(path).startsWith('/')) return path
  return `${protocol}//${authorityOf(String(hostname), port || undefined)}${path}`
}

function keepsMethod(options: RedirectOptions, config: InternalAxiosRequestConfig): boolean {
  return String(options.method).toUpperCase() === (config.method ?? 'get').toUpperCase()
}

function sameOrigin(url: string, other: string): boolean {
  return URL.canParse(url) && new URL(url).origin === new URL(other).origin
}

function removeHeaders({ headers }: RedirectOptions, names: readonly string[]): void {
  for (const name of Object.keys(headers)) if (names.includes(name.toLowerCase())) delete headers[name]
}

function redirected({ config }: Attempted, options: RedirectOptions, keep: boolean): InternalAxiosRequestConfig {
  const next = {
    ...config,
    url: redirectUrl(options),
    headers: redirectHeaders(options, keep ? config : undefined),
    method: String(options.method).toLowerCase(),
  }
  delete next.baseURL
  delete next.params
  if (!keepsMethod(options, config)) delete next.data
  if (!keep) delete next.auth
  // Given by the caller's own hook.
  if (typeof options.auth === 'string') next.auth = parseAuth(options.auth)
  return next
}

/** The transport takes `auth` away from every redirect; old versions of axios do not give it back. */
function restoreAuth(options: RedirectOptions, { auth }: InternalAxiosRequestConfig): void {
  if (auth !== undefined && !options.auth) options.auth = authText(auth)
}

function authText({ username, password }: AxiosBasicCredentials): string {
  return `${username}:${password}`
}

/** The headers of the next request, with those that the transport took away given back from `kept`. */
function redirectHeaders(options: RedirectOptions, kept: InternalAxiosRequestConfig | undefined): AxiosHeaders {
  const headers = new AxiosHeaders(options.headers)
  headers.delete(['host', 'proxy-authorization'])
  for (const name of ['authorization', 'cookie', ...(kept?.sensitiveHeaders ?? [])]) {
    const value = kept?.headers.get(name)
    if (value !== undefined && value !== null) headers.set(name, value, false)
  }
  return headers
}

function parseAuth(auth: string): AxiosBasicCredentials {
  const [username = '', ...password] = auth.split(':')
  return { username, password: password.join(':') }
}

function sendToInstance(
  options: RedirectOptions,
  { headers, auth }: InternalAxiosRequestConfig,
  target: ServiceUrl,
  lb: LoadBalancer,
): void {
  // To a proxy the name is as good as an address.
  if (!String(options.path).startsWith('/')) return
  const { protocol, hostname, port, host, href } = new URL(instanceUrl(target, lb.pick(target.service)))
  Object.assign(options, { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, host, href })
  options.headers = headers.toJSON()
  if (auth !== undefined) options.auth = authText(auth)
}
