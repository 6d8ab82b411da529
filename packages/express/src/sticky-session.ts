import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { checkBoolean, checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'
import { parse, serialize } from 'cookie'
import { sign, unsign } from 'cookie-signature'

/** A cookie of the proxy's own identifies the client. It names no instance, and cannot be forged without the secret. */
export interface StickyCookieOptions {
  /** The name of the cookie. */
  readonly cookie: string
  /**
   * Signs it. At least 16 characters; the same in every process of the gateway. Of several, the first one signs, and all of them verify: to
   * rotate the secret, put a new one first, and remove the old one when its cookies have expired.
   */
  readonly secret: string | readonly string[]
  /** How long the client keeps it, in seconds. Default: until the browser is closed. */
  readonly maxAgeSeconds?: number | undefined
  /** From which sites it is sent. `none`, as for iframes, makes it `Secure`. Default `lax`. */
  readonly sameSite?: 'lax' | 'strict' | 'none' | 'Lax' | 'Strict' | 'None' | undefined
  /** Sent by https only. Default: if the client's request came by https, also as a trusted proxy says. */
  readonly secure?: boolean | undefined
  /** The domain that it is for, with its subdomains. Default: only the host of the gateway. */
  readonly domain?: string | undefined
  /** The path that it is for. Default: the path under which the client sees the proxy. */
  readonly path?: string | undefined
  /** One cookie for each site that embeds this one (CHIPS); makes it `Secure`. Default false. */
  readonly partitioned?: boolean | undefined
}

/** A header that the client, or a middleware before, sets identifies the client. */
export interface StickyHeaderOptions {
  /** The name of the header. */
  readonly header: string
}

/** What identifies a client to balancers that hash. */
export interface StickySession {
  readonly hashKey: string | undefined
  /** The cookie that the client gets: it has none that is valid, or one of an older secret. */
  readonly setCookie: string | undefined
}

const namePattern = /^[\w!#$%&'*+.^`|~-]+$/
const shortestSecret = 16
/** What `randomBytes` gives, and nothing that could not be in a cookie; the secret may have signed other things. */
const idPattern = /^[\w-]{1,64}$/
/** Cookies of one name that are looked at. A browser sends several when they differ in their domain or path. */
const sameNameLimit = 4
const cookieKeys: readonly (keyof StickyCookieOptions)[] = [
  'cookie',
  'secret',
  'maxAgeSeconds',
  'sameSite',
  'secure',
  'domain',
  'path',
  'partitioned',
]

/** @throws InvalidOptionError */
export function checkSticky(path: string, value: StickyCookieOptions | StickyHeaderOptions | undefined): void {
  if (value === undefined) return
  checkKeys(path, value, 'header' in value ? ['header'] : cookieKeys)
  if (!('header' in value)) checkCookie(path, value)
  else if (typeof value.header !== 'string' || !namePattern.test(value.header)) {
    rejectOption(`${path}.header`, 'the name of a header', value.header)
  }
}

function checkCookie(path: string, value: StickyCookieOptions): void {
  const { cookie, maxAgeSeconds, sameSite, secure, partitioned } = value
  if (typeof cookie !== 'string' || !namePattern.test(cookie))
    rejectOption(`${path}.cookie`, 'the name of a cookie', cookie)
  checkSecrets(`${path}.secret`, value.secret)
  checkInteger(`${path}.maxAgeSeconds`, maxAgeSeconds, 1, Number.MAX_SAFE_INTEGER)
  if (sameSite !== undefined && !/^(?:lax|strict|none)$/i.test(sameSite)) {
    rejectOption(`${path}.sameSite`, "'lax', 'strict' or 'none'", sameSite)
  }
  checkBoolean(`${path}.secure`, secure)
  checkBoolean(`${path}.partitioned`, partitioned)
  if (secure === false && needsSecure(value)) {
    rejectOption(`${path}.secure`, 'true with sameSite none, with partitioned and with the name', secure)
  }
  checkAttributes(path, value)
}

function checkSecrets(path: string, secret: unknown): void {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const isLong = (each: unknown): boolean => typeof each === 'string' && each.length >= shortestSecret
  if (secrets.length > 0 && secrets.every(isLong)) return
  // The value would show the secret.
  const shown = typeof secret === 'string' ? '' : Array.isArray(secret) ? [] : secret
  rejectOption(path, `a string of at least ${shortestSecret} characters, or an array of them`, shown)
}

function checkAttributes(option: string, { cookie, domain, path }: StickyCookieOptions): void {
  if (domain !== undefined && !isAttribute({ domain })) rejectOption(`${option}.domain`, 'a domain name', domain)
  if (path !== undefined && (!isAttribute({ path }) || !path.startsWith('/'))) {
    rejectOption(`${option}.path`, 'a path that begins with a slash', path)
  }
  if (!/^__Host-/i.test(cookie)) return
  if (domain !== undefined) rejectOption(`${option}.domain`, 'absent with the name __Host-', domain)
  if (path !== '/') rejectOption(`${option}.path`, "'/' with the name __Host-", path)
}

function isAttribute(attribute: { readonly domain: string } | { readonly path: string }): boolean {
  const [value] = Object.values(attribute)
  try {
    return typeof value === 'string' && value !== '' && serialize('name', '', attribute) !== ''
  } catch {
    return false
  }
}

/** Browsers drop such a cookie without `Secure`. They take the prefix of the name in any case. */
function needsSecure({ cookie, sameSite, partitioned }: StickyCookieOptions): boolean {
  return sameSite?.toLowerCase() === 'none' || partitioned === true || /^__(?:Host|Secure|Http)-/i.test(cookie)
}

/** Reads the key of the client; a client without a valid cookie gets a new one. `secure`: its request came by https. */
export function stickySession(
  sticky: StickyCookieOptions | StickyHeaderOptions,
  request: IncomingMessage,
  seen: { readonly path: string; readonly secure: boolean },
): StickySession {
  if ('header' in sticky) {
    const value = request.headers[sticky.header.toLowerCase()]
    const hashKey = Array.isArray(value) ? value[0] : value
    return { hashKey, setCookie: undefined }
  }
  const secrets = typeof sticky.secret === 'string' ? [sticky.secret] : sticky.secret
  const values = valuesOf(request.headers.cookie ?? '', sticky.cookie)
  const [current = '', ...older] = secrets
  const known = idOf(values, [current])
  if (known !== undefined) return { hashKey: known, setCookie: undefined }
  const id = idOf(values, older) ?? randomBytes(16).toString('base64url')
  return { hashKey: id, setCookie: setCookie(sticky, sign(id, current), seen) }
}

/** The first identifier that one of `secrets` has signed. */
function idOf(values: readonly string[], secrets: readonly string[]): string | undefined {
  for (const secret of secrets) {
    for (const value of values) {
      const id = unsign(value, secret)
      if (id !== false && idPattern.test(id)) return id
    }
  }
  return undefined
}

/** The values of the cookies called `name`, in order. The first one need not be the proxy's: a sibling domain can set one, too. */
function valuesOf(header: string, name: string): string[] {
  const values: string[] = []
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at === -1 || pair.slice(0, at).trim() !== name) continue
    const { value } = parse(`value${pair.slice(at)}`)
    if (value !== undefined) values.push(value)
    if (values.length === sameNameLimit) break
  }
  return values
}

function setCookie(
  sticky: StickyCookieOptions,
  value: string,
  seen: { readonly path: string; readonly secure: boolean },
): string {
  const { cookie, maxAgeSeconds, sameSite = 'lax', domain, path = seen.path, partitioned = false } = sticky
  return serialize(cookie, value, {
    encode: String,
    // That of a mount with a parameter may have characters that no cookie can have.
    path: isAttribute({ path }) ? path : '/',
    ...(domain === undefined ? undefined : { domain }),
    ...(maxAgeSeconds === undefined ? undefined : { maxAge: maxAgeSeconds }),
    httpOnly: true,
    secure: needsSecure(sticky) || (sticky.secure ?? seen.secure),
    partitioned,
    sameSite: sameSite.toLowerCase() as 'lax' | 'strict' | 'none',
  })
}
