import { fieldsOf } from '../../base/fields.ts'

const maxTypes = 50

/** What a code or the name of an error looks like; other texts may hold anything. */
const identifier = /^[A-Za-z][A-Za-z0-9_.]{0,63}$/

/** How something ended: a call or an attempt. */
interface End {
  /** Whether it failed; what its caller gave up did not. */
  readonly failed: boolean
  readonly statusCode?: number | undefined
  readonly error?: unknown
}

/**
 * `error.type` of OpenTelemetry's semantic conventions, which is of low cardinality: a status from 400, else the code of the error or of
 * its cause (`ECONNREFUSED` of `fetch failed`), else its name, else `_OTHER`. Never its message, which may hold anything. `undefined`:
 * nothing failed.
 */
export function errorTypeOf({ failed, statusCode, error }: End): string | undefined {
  const status = knownStatus(statusCode)
  if (status !== undefined && status >= 400) return String(status)
  if (!failed) return undefined
  try {
    const { code, cause, name } = fieldsOf(error)
    const candidates = [code, fieldsOf(cause).code, name]
    const found = candidates.find((each) => typeof each === 'string' && identifier.test(each))
    return typeof found === 'string' ? found : '_OTHER'
  } catch {
    // What was thrown may itself throw when it is looked at.
    return '_OTHER'
  }
}

/** `statusCode` if it is one of HTTP. */
export function knownStatus(statusCode: number | undefined): number | undefined {
  return Number.isInteger(statusCode) && Number(statusCode) >= 100 && Number(statusCode) <= 599 ? statusCode : undefined
}

/** The types of errors that were seen: beyond 50 of them, all others are `_OTHER`. */
export class ErrorTypes {
  readonly #known = new Set<string>()

  bounded(type: string | undefined): string | undefined {
    if (type === undefined || this.#known.has(type)) return type
    if (this.#known.size >= maxTypes) return '_OTHER'
    this.#known.add(type)
    return type
  }
}
