import { authorityOf } from '@lb/core/authoring'
import type { ProxySettings } from './options.ts'
import { type ClientFacts, type ForwardedFields, hostFacts, type InboundHeaders } from './request.ts'

const noFields: Partial<ForwardedFields> = {}

/** The scheme of the client's own request: the first one that a trusted proxy names, else that of this connection. */
export function originalProto(
  { xForwardedProto, forwarded }: Partial<ForwardedFields>,
  { trusted, proto }: ClientFacts,
): string {
  if (!trusted || (xForwardedProto === undefined && forwarded === undefined)) return proto
  return (firstOf(xForwardedProto) ?? protoOf(forwarded) ?? proto).toLowerCase()
}

/** The headers for an instance, but for `Host`: what passes, and what the proxy says. */
export function outgoingHeaders(
  inbound: InboundHeaders,
  client: ClientFacts,
  mount: string,
  { via, forwarded }: ProxySettings,
): string[] {
  const headers = inbound.passing
  if (inbound.takesTrailers) headers.push('te', 'trailers')
  if (client.trusted) headers.push(...inbound.xForwardedOthers)
  if (via !== undefined) {
    const own = `${inbound.version} ${via}`
    headers.push('via', inbound.via === undefined ? own : `${inbound.via}, ${own}`)
  } else if (inbound.via !== undefined) {
    headers.push('via', inbound.via)
  }
  if (forwarded === 'both' || forwarded === 'x-forwarded') addXForwarded(headers, inbound, client, mount)
  if (forwarded === 'both' || forwarded === 'forwarded') {
    const own = forwardedElement(client)
    const before = client.trusted ? inbound.forwarded : undefined
    headers.push('forwarded', before === undefined ? own : `${before}, ${own}`)
  }
  return headers
}

/** Adds the `X-Forwarded-` headers. What a trusted proxy says about the client's own request stays as it is. */
export function addXForwarded(headers: string[], fields: ForwardedFields, client: ClientFacts, mount: string): void {
  const { address, trusted } = client
  const before = trusted ? fields : noFields
  const proto = originalProto(before, client)
  const host = before.xForwardedHost ?? client.host
  headers.push('x-forwarded-for', before.xForwardedFor === undefined ? address : `${before.xForwardedFor}, ${address}`)
  headers.push('x-forwarded-proto', before.xForwardedProto ?? proto)
  if (host !== '') headers.push('x-forwarded-host', host)
  headers.push('x-forwarded-port', before.xForwardedPort ?? portOf(host, proto, client.port))
  // One path, as the client sees it: an instance that takes the last value of a list gets the same as one that joins them.
  const prefix = before.xForwardedPrefix === undefined ? mount : joinedPrefix(before.xForwardedPrefix) + mount
  if (prefix !== '') headers.push('x-forwarded-prefix', prefix)
}

/** One element of RFC 7239. What is no token is quoted. */
export function forwardedElement({ address, proto, host }: ClientFacts): string {
  const by = address.includes(':') ? `"${authorityOf(address)}"` : address
  const at = host === '' ? '' : `;host=${/^[\w.!$&'*+~-]+$/.test(host) ? host : `"${host}"`}`
  return `for=${by}${at};proto=${proto}`
}

/** The port that the client used: that of the host, else the default of the scheme; without a host, that of the connection. */
function portOf(hosts: string, proto: string, local: number): string {
  const host = firstOf(hosts) ?? ''
  if (host === '') return String(local)
  return hostFacts(host).port ?? (proto === 'https' ? '443' : '80')
}

function joinedPrefix(list: string): string {
  return list
    .split(',')
    .map((part) => part.trim().replace(/\/+$/, ''))
    .join('')
}

/** The first element of a list, which is that of the client. */
function firstOf(list: string | undefined): string | undefined {
  return list?.includes(',') === true ? list.slice(0, list.indexOf(',')).trim() : list
}

function protoOf(forwarded: string | undefined): string | undefined {
  return /(?:^|;)\s*proto="?([a-z]+)/i.exec(firstOf(forwarded) ?? '')?.[1]
}
