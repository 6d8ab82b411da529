import { ApiError } from './api-error.ts'
import type { Exchange } from './exchange.ts'

/**
 * Refuses a request that was meant for another host. The name of a page of an attacker may resolve to the address of this server (DNS
 * rebinding); its requests say that name. An address says nothing of that kind, and `localhost` resolves to itself.
 *
 * @throws ApiError
 */
export function checkHost({ header }: Exchange, allowed: readonly string[]): void {
  const authority = header('host') ?? header(':authority') ?? ''
  const name = nameOf(authority)
  if (isAddress(name) || isLocal(name) || allowed.some((pattern) => matches(name, pattern))) return
  const shown = JSON.stringify(authority.slice(0, 100))
  const message = `Requests for the host ${shown} are not served. If this is the dashboard's name, list it in the option hosts`
  throw new ApiError('HOST_NOT_ALLOWED', message)
}

/** `Example.com:8080` is `example.com`. */
export function nameOf(authority: string): string {
  return authority.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
}

function isAddress(name: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || /^\[[\da-f:.]+\]$/.test(name)
}

function isLocal(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

/** `*.example.com` matches every name under it, `*` every name. */
function matches(name: string, pattern: string): boolean {
  if (pattern === '*') return true
  const lower = pattern.toLowerCase()
  return lower.startsWith('*.') ? name.endsWith(lower.slice(1)) && name.length >= lower.length : name === lower
}
