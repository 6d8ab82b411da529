/** The parts of a URL that say whether it is a service's. */
export interface UrlAuthority {
  /** In lower case, without the colon: `http`, `https`, `lb`. */
  readonly scheme: string
  /** As it is written, without the port. */
  readonly host: string
  /** `undefined` when the URL has none. */
  readonly port?: string | undefined
}

/**
 * The service whose URL has this authority, or `undefined` when it names a server: the rule of every adapter.
 *
 * A host that is configured is a service, and so is any host under the scheme `lb:`. Capitals do not count, as URL parsers write hosts in
 * lower case; the service has its name as it is configured. Beyond that a single label is a service, unless it is `localhost`, a number
 * (which is an IPv4 address), or has a port, which names one server.
 */
export function serviceOfHost(
  { scheme, host, port }: UrlAuthority,
  configured: ReadonlySet<string>,
): string | undefined {
  if (configured.has(host)) return host
  const lowerCase = host.toLowerCase()
  const service = servicesByHost(configured).get(lowerCase)
  if (service !== undefined) return service
  if (scheme === 'lb') return host
  const singleLabel = port === undefined && /^[a-z\d_-]+$/i.test(host) && !/^(?:\d+|0x[\da-f]*)$/i.test(host)
  return singleLabel && lowerCase !== 'localhost' ? host : undefined
}

/**
 * `url` with two slashes behind `lb:`, however many it has: `lb:users/x` and `lb:///users/x` are `lb://users/x`. Every other URL as it is.
 */
export function withLbAuthority(url: string): string {
  return url.replace(/^lb:\/*/i, 'lb://')
}

const byHost = new WeakMap<ReadonlySet<string>, ReadonlyMap<string, string>>()

/** Configured names by their lower case. Of those that differ in capitals only, the first. */
function servicesByHost(configured: ReadonlySet<string>): ReadonlyMap<string, string> {
  const known = byHost.get(configured)
  if (known !== undefined) return known
  const made = new Map(Array.from(configured, (name) => [name.toLowerCase(), name] as const).reverse())
  byHost.set(configured, made)
  return made
}
