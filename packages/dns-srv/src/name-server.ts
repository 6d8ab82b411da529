import { isIP, isIPv6 } from 'node:net'
import { authorityOf } from '@lb/core/authoring'

/** A server that is asked. */
export interface NameServer {
  /** An IP address; a link-local one has its zone (`fe80::1%eth0`). */
  readonly address: string
  readonly port: number
}

/** `"10.0.0.2"`, `"10.0.0.2:8600"`, `"2001:db8::2"` or `"[2001:db8::2]:8600"`; `undefined` when it is none of these. */
export function parseNameServer(text: string): NameServer | undefined {
  if (isIP(text) !== 0) return { address: text, port: 53 }
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const port = digits === undefined ? 53 : Number(digits)
  if (port < 1 || port > 65_535) return undefined
  if (bracketed !== undefined) return isIPv6(bracketed) ? { address: bracketed, port } : undefined
  return plain !== undefined && isIP(plain) === 4 ? { address: plain, port } : undefined
}

/** How the server is written in errors. */
export function formatNameServer({ address, port }: NameServer): string {
  return authorityOf(address, port)
}
