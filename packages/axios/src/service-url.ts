import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { authorityOf, withLbAuthority } from '@lb/core/authoring'
import type { InternalAxiosRequestConfig } from 'axios'

/** A URL whose host is a service, in pieces that are put together again without touching the rest. */
export interface ServiceUrl {
  readonly service: string
  readonly scheme: string
  /** `user:password@`, or empty. */
  readonly userInfo: string
  /** Path, query and fragment, exactly as written. */
  readonly rest: string
}

export interface ServiceUrlRules {
  readonly lb: LoadBalancer
  readonly serviceOf?: ((url: URL) => string | undefined) | undefined
}

// Scheme, user info, host name, port, rest. IPv6 addresses and anything a URL parser would rewrite do not match.
const pattern = /^(https?|lb):\/\/([^/?#\\]*@)?([^/?#@\\:[\]\s]+)(?::(\d*))?(?![^/?#])(.*)$/is

/** The request's URL as axios combines it from `baseURL` and `url`. */
export function requestUrl({ baseURL, url = '', allowAbsoluteUrls }: InternalAxiosRequestConfig): string {
  const absolute = /^(?:lb:|(?:[a-z][a-z\d+\-.]*:)?\/\/)/i.test(url)
  if (baseURL === undefined || baseURL === '' || (absolute && allowAbsoluteUrls !== false)) return url
  return url === '' ? baseURL : `${baseURL.replace(/\/+$/, '')}/${url.replace(/^\/+/, '')}`
}

/** The pieces of `url` when it is a service's, else `undefined`. */
export function parseServiceUrl(url: string, rules: ServiceUrlRules): ServiceUrl | undefined {
  // Some applications give a URL object.
  const text = withLbAuthority(String(url))
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, scheme = '', userInfo = '', host = '', port, rest = ''] = match
  const service =
    rules.serviceOf === undefined
      ? rules.lb.serviceOf({ scheme: scheme.toLowerCase(), host, port })
      : askServiceOf(text, rules.serviceOf)
  return service === undefined ? undefined : { service, scheme: scheme.toLowerCase(), userInfo, rest }
}

/** `url` with the instance in place of the service. A URL written as https never turns into http. */
export function instanceUrl(url: ServiceUrl, instance: ServiceInstance): string {
  const scheme = instance.secure || url.scheme === 'https' ? 'https' : 'http'
  return `${scheme}://${url.userInfo}${authorityOf(instance.host, instance.port)}${url.rest}`
}

function askServiceOf(url: string, serviceOf: (url: URL) => string | undefined): string | undefined {
  return URL.canParse(url) ? serviceOf(new URL(url)) : undefined
}
