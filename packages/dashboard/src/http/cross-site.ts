import { controlHeader } from '../api.ts'
import { ApiError } from './api-error.ts'
import type { Exchange } from './exchange.ts'
import { nameOf } from './host.ts'

/**
 * Refuses a change that a page of another origin asks for (CSRF). It has to be JSON and to have a header that such a page could send only
 * after a preflight request, which is never granted; and what the browser says of its origin has to agree.
 *
 * @throws ApiError
 */
export function checkSameSite({ header }: Exchange, hosts: readonly string[]): void {
  const type = header('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    throw new ApiError('UNSUPPORTED_MEDIA_TYPE', 'A change is sent as content-type: application/json')
  }
  if (header(controlHeader) === undefined) {
    throw new ApiError('CROSS_SITE', `A change needs the header ${controlHeader}: 1`)
  }
  const site = header('sec-fetch-site')
  if (site !== undefined) {
    if (site === 'same-origin' || site === 'none') return
    throw new ApiError('CROSS_SITE', 'A change cannot come from a page of another origin')
  }
  const origin = header('origin')
  if (origin === undefined || isOwn(origin, header('host') ?? header(':authority') ?? '', hosts)) return
  throw new ApiError(
    'CROSS_SITE',
    'A change cannot come from a page of another origin. Behind a proxy that changes Host, list its name in the option hosts',
  )
}

/** Browsers say `Sec-Fetch-Site` only to origins that they trust: not over http, but for loopback. */
function isOwn(origin: string, host: string, hosts: readonly string[]): boolean {
  const authority = /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase()
  if (authority === undefined) return false
  return authority === host.toLowerCase() || hosts.some((name) => name.toLowerCase() === nameOf(authority))
}
