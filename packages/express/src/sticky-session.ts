import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'

/** A cookie of the proxy's own says who the client is. It names no instance, and nobody can forge it without the secret. */
export interface StickyCookieOptions {
  /** The name of the cookie. */
  readonly cookie: string
  /** Signs it. At least 16 characters; the same in every process of the gateway. */
  readonly secret: string
  /** How long the client keeps it, in seconds. Default: until the browser is closed. */
  readonly maxAgeSeconds?: number | undefined
}

/** A header that the client, or a middleware before, sets says who the client is. */
export interface StickyHeaderOptions {
  /** The name of the header. */
  readonly header: string
}

/** Who a client is, for balancers that hash. */
export interface StickySession {
  readonly hashKey: string | undefined
  /** The cookie a new client is to be given. */
  readonly setCookie: string | undefined
}

const namePattern = /^[\w!#$%&'*+.^`|~-]+$/

/** @throws InvalidOptionError */
export function checkSticky(path: string, value: StickyCookieOptions | StickyHeaderOptions | undefined): void {
  if (value === undefined) return
  checkKeys(path, value, 'header' in value ? ['header'] : ['cookie', 'secret', 'maxAgeSeconds'])
  if ('header' in value) {
    if (typeof value.header !== 'string' || !namePattern.test(value.header)) {
      rejectOption(`${path}.header`, 'the name of a header', value.header)
    }
    return
  }
  const { cookie, secret, maxAgeSeconds } = value
  if (typeof cookie !== 'string' || !namePattern.test(cookie))
    rejectOption(`${path}.cookie`, 'the name of a cookie', cookie)
  // Not `rejectOption`: its message would show the secret.
  if (typeof secret !== 'string' || secret.length < 16) {
    rejectOption(`${path}.secret`, 'a string of at least 16 characters', typeof secret === 'string' ? '' : secret)
  }
  checkInteger(`${path}.maxAgeSeconds`, maxAgeSeconds, 1, Number.MAX_SAFE_INTEGER)
}

/** Reads who the client is; a client without a valid cookie gets a new one. `secure`: it came by TLS. */
export function stickySession(
  sticky: StickyCookieOptions | StickyHeaderOptions,
  request: IncomingMessage,
  { path, secure }: { readonly path: string; readonly secure: boolean },
): StickySession {
  if ('header' in sticky) {
    const value = request.headers[sticky.header.toLowerCase()]
    const hashKey = Array.isArray(value) ? value[0] : value
    return { hashKey, setCookie: undefined }
  }
  const { cookie, secret, maxAgeSeconds } = sticky
  const known = verified(cookieValue(request.headers.cookie, cookie), secret)
  if (known !== undefined) return { hashKey: known, setCookie: undefined }
  const id = randomBytes(16).toString('base64url')
  const attributes = [
    `${cookie}=${id}.${signature(id, secret)}`,
    `Path=${path}`,
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
    'HttpOnly',
    'SameSite=Lax',
    ...(secure ? ['Secure'] : []),
  ]
  return { hashKey: id, setCookie: attributes.join('; ') }
}

function signature(id: string, secret: string): string {
  return createHmac('sha256', secret).update(id).digest('base64url')
}

function verified(value: string | undefined, secret: string): string | undefined {
  const [, id, given] = /^([\w-]{22})\.([\w-]{43})$/.exec(value ?? '') ?? []
  if (id === undefined || given === undefined) return undefined
  return timingSafeEqual(Buffer.from(signature(id, secret)), Buffer.from(given)) ? id : undefined
}

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
