import type { IncomingMessage } from 'node:http'
import { authorityOf, type ServiceInstance } from '@lb/core'
import type { InboundHeaders } from './inbound-headers.ts'
import type { ProxySettings } from './proxy-options.ts'

/** Who the client is, as far as that is known: what the connection says, and what a trusted proxy before this one says. */
export interface ClientFacts {
  readonly address: string
  readonly proto: string
  readonly host: string
  /** Whether what the client says about whom it forwards for is believed. */
  readonly trusted: boolean
}

/** The header fields for an instance, but for `Host`: what passes, and what the proxy says. */
export function outgoingHeaders(
  request: IncomingMessage,
  inbound: InboundHeaders,
  client: ClientFacts,
  { via, forwarded }: ProxySettings,
): string[] {
  const headers = inbound.passing
  if (inbound.takesTrailers) headers.push('te', 'trailers')
  if (client.trusted) headers.push(...inbound.xForwardedOthers)
  if (via !== undefined) {
    const own = `${request.httpVersion} ${via}`
    headers.push('via', inbound.via === undefined ? own : `${inbound.via}, ${own}`)
  } else if (inbound.via !== undefined) {
    headers.push('via', inbound.via)
  }
  if (forwarded === 'both' || forwarded === 'x-forwarded') addXForwarded(headers, inbound, client)
  if (forwarded === 'both' || forwarded === 'forwarded') {
    const own = forwardedElement(client)
    const before = client.trusted ? inbound.forwarded : undefined
    headers.push('forwarded', before === undefined ? own : `${before}, ${own}`)
  }
  return headers
}

function addXForwarded(headers: string[], inbound: InboundHeaders, client: ClientFacts): void {
  const { address, proto, host, trusted } = client
  const before = trusted ? inbound.xForwardedFor : undefined
  headers.push('x-forwarded-for', before === undefined ? address : `${before}, ${address}`)
  headers.push('x-forwarded-proto', (trusted ? inbound.xForwardedProto : undefined) ?? proto)
  headers.push('x-forwarded-host', (trusted ? inbound.xForwardedHost : undefined) ?? host)
}

/** One element of RFC 7239. What is no token is quoted. */
function forwardedElement({ address, proto, host }: ClientFacts): string {
  const by = address.includes(':') ? `"${authorityOf(address)}"` : address
  const at = host === '' ? '' : `;host=${/^[\w.!$&'*+~-]+$/.test(host) ? host : `"${host}"`}`
  return `for=${by}${at};proto=${proto}`
}

/** An IPv4 client of a socket that listens on IPv6 is called by its IPv4 address. */
export function clientAddress(request: IncomingMessage): string {
  const address = request.socket.remoteAddress
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** The value of `Host` for `instance`; `undefined`: its own address, which the transport writes. */
export function hostFor(
  instance: ServiceInstance,
  { hostHeader, service }: Pick<ProxySettings, 'hostHeader' | 'service'>,
  clientHost: string,
): string {
  if (hostHeader === 'client' && clientHost !== '') return clientHost
  return hostHeader === 'service' ? service : hostHeaderOf(instance)
}

/** `host:port` as a URL spells it, without the default port of the scheme. */
export function hostHeaderOf({ host, port, secure }: ServiceInstance): string {
  return authorityOf(host, port === (secure ? 443 : 80) ? undefined : port)
}
