import { InvalidOptionError } from '@lb/core'
import { checkKeys } from '@lb/core/authoring'

/** User and password for a proxy in front of an agent that asks for basic authentication. */
export interface BasicAuth {
  /** The user, without a colon. */
  readonly username: string
  /** The password. @default '' */
  readonly password?: string | undefined
}

const schemeAndCredentials = /^((?:[a-z][a-z\d+.-]*:\/\/)?)([^/?#]*)@/i

/**
 * Takes the credentials out of an address such as `http://user:pass@10.0.0.1:8500`, so that they stand in no message. `address` is what is left.
 *
 * @throws InvalidOptionError, which shows neither of them
 */
export function withoutCredentials(path: string, address: unknown): { address: unknown; auth?: BasicAuth } {
  if (typeof address !== 'string') return { address }
  const [found, scheme = '', credentials = ''] = schemeAndCredentials.exec(address) ?? []
  if (found === undefined) return { address }
  try {
    return { address: scheme + address.slice(found.length), auth: splitCredentials(credentials, decodeURIComponent) }
  } catch {
    const legal = 'an address whose user and password are encoded as in URLs'
    throw new InvalidOptionError(path, `${path} must be ${legal}. Write "%25" for "%", "%40" for "@"`)
  }
}

/** What `CONSUL_HTTP_AUTH` says, `user:pass` or `user`. Source: Consul, "Environment variables" of its commands. */
export function authOfEnvironment(text: string): BasicAuth {
  return splitCredentials(text, (part) => part)
}

/** What is sent, and what of it no message may show. */
export interface Authorization {
  /** The header `Authorization`. */
  readonly header: string
  readonly secrets: readonly string[]
}

/** Source: RFC 7617, with the charset UTF-8. @throws InvalidOptionError, which shows no part of `auth` */
export function basicAuthorization(path: string, auth: BasicAuth): Authorization {
  checkKeys(path, auth, ['username', 'password'])
  const { username, password = '' } = auth
  checkPart(`${path}.username`, username, /^[^\p{Cc}:]{1,4096}$/u, 'a text of 1 to 4 096 characters without ":"')
  checkPart(`${path}.password`, password, /^\P{Cc}{0,4096}$/u, 'a text of at most 4 096 characters')
  const encoded = Buffer.from(`${username}:${password}`).toString('base64')
  return { header: `Basic ${encoded}`, secrets: password === '' ? [encoded] : [encoded, password] }
}

function checkPart(path: string, part: unknown, form: RegExp, legal: string): void {
  if (typeof part === 'string' && form.test(part)) return
  const given = typeof part === 'string' ? 'another one' : typeof part
  throw new InvalidOptionError(path, `${path} must be ${legal}, without control characters, got ${given}`)
}

function splitCredentials(text: string, decode: (part: string) => string): BasicAuth {
  const colon = text.indexOf(':')
  if (colon === -1) return { username: decode(text) }
  return { username: decode(text.slice(0, colon)), password: decode(text.slice(colon + 1)) }
}
