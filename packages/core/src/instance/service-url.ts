import { type UrlAuthority, withLbAuthority } from './service-host.ts'

/** A URL whose host is a service, in pieces that are put together again without touching the rest. */
export interface ServiceUrl {
  /** The name of the service. */
  readonly service: string
  /** In lower case, without the colon: `http`, `https`, `lb`. */
  readonly scheme: string
  /** `user:password@`, or empty. */
  readonly userInfo: string
  /** Path, query and fragment, exactly as written. */
  readonly rest: string
}

/** Which URLs are a service's. */
export interface ServiceUrlRules {
  /** Asked where the application has no rule of its own. */
  readonly lb: { serviceOf(authority: UrlAuthority): string | undefined }
  /** The application's own rule. */
  readonly serviceOf?: ((url: URL) => string | undefined) | undefined
}

// Scheme, user information, host name, port, rest. IPv6 addresses and anything a URL parser would rewrite do not match.
const pattern = /^(https?|lb):\/\/([^/?#\\]*@)?([^/?#@\\:[\]\s]+)(?::(\d*))?(?![^/?#])(.*)$/is

/** The pieces of `url` when it is a service's, else `undefined`. */
export function parseServiceUrl(url: string, { lb, serviceOf }: ServiceUrlRules): ServiceUrl | undefined {
  const text = withLbAuthority(url)
  const [, written, userInfo = '', host, port, rest = ''] = pattern.exec(text) ?? []
  if (written === undefined || host === undefined) return undefined
  const scheme = written.toLowerCase()
  const service = serviceOf === undefined ? lb.serviceOf({ scheme, host, port }) : asked(text, serviceOf)
  return service === undefined ? undefined : { service, scheme, userInfo, rest }
}

function asked(url: string, serviceOf: (url: URL) => string | undefined): string | undefined {
  return URL.canParse(url) ? serviceOf(new URL(url)) : undefined
}
