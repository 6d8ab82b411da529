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
 * A host that is configured is a service, and so is any host under the scheme `lb:`. Beyond that a single label is one, unless it is
 * `localhost`, a number (which is an IPv4 address), or has a port, which names one server.
 */
export function serviceOfHost(
  { scheme, host, port }: UrlAuthority,
  configured: ReadonlySet<string>,
): string | undefined {
  if (configured.has(host)) return host
  const lowerCase = host.toLowerCase()
  if (configured.has(lowerCase)) return lowerCase
  if (scheme === 'lb') return host
  const singleLabel = port === undefined && /^[a-z\d_-]+$/i.test(host) && !/^(?:\d+|0x[\da-f]*)$/i.test(host)
  return singleLabel && lowerCase !== 'localhost' ? host : undefined
}
