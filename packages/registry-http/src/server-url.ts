import { InvalidOptionError } from '@lb/core'
import { rejectOption } from '@lb/core/authoring'

/** One server of a registry. */
export interface ServerUrl {
  /** As it was given: what it is called in messages and answers. */
  readonly name: string
  readonly origin: string
  /** What its paths begin with; no slash at its end. */
  readonly basePath: string
}

const legal = 'a URL such as "http://10.0.0.1:8500" or "https://registry.example.org/base"'

/**
 * Throws unless `value` is the URL of a server. `path` is the option it came from, such as `ConsulDiscovery.address`. What may be a
 * secret in it is not shown.
 *
 * @throws InvalidOptionError
 */
export function checkServerUrl(path: string, value: unknown): void {
  parseServerUrl(path, value)
}

/** @throws InvalidOptionError */
export function parseServerUrl(path: string, value: unknown): ServerUrl {
  if (typeof value !== 'string') rejectOption(path, legal, value)
  if (value.includes('@')) {
    const remedy = 'URLs end up in messages and logs: give the credentials by the options made for them'
    throw new InvalidOptionError(path, `${path} must be ${legal}, without user name and password. ${remedy}`)
  }
  // A query may hold a token.
  if (/[?#]/.test(value)) {
    throw new InvalidOptionError(
      path,
      `${path} must be ${legal}, without a query or fragment. Leave out what follows the path`,
    )
  }
  const url = parseUrl(value)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    rejectOption(path, legal, value, /^https?:/.test(value) ? undefined : 'It begins with http:// or https://')
  }
  return { name: value, origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') }
}

function parseUrl(value: string): URL | undefined {
  try {
    return new URL(value)
  } catch {
    return undefined
  }
}
