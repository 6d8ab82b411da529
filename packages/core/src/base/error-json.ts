import { hasFields } from './fields.ts'

/** An error as JSON, with the chain of its causes. */
export interface ErrorJson {
  /** The name, such as `TypeError`. */
  readonly name: string
  /** The message. */
  readonly message: string
  /** The code, such as `ECONNREFUSED`, if there is one. */
  readonly code?: string | number | undefined
  /** The cause, if there is one. */
  readonly cause?: ErrorJson | undefined
  /** The members of an `AggregateError`. */
  readonly errors?: readonly ErrorJson[] | undefined
}

const maxDepth = 8
const maxGathered = 10

/**
 * `error` as JSON, which would lose its message and its cause. Of errors of others only these fields are taken: what else they hold
 * (a request's header, a response's body) may be secret. Causes are followed 8 deep, of gathered errors the first 10 are taken.
 */
export function errorJson(error: unknown, depth = 0): ErrorJson {
  if (!hasFields(error)) return { name: 'Error', message: String(error) }
  const { name, message, code, cause, errors } = error
  const deeper = depth < maxDepth
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '',
    ...(typeof code === 'string' || (typeof code === 'number' && Number.isFinite(code)) ? { code } : undefined),
    ...(deeper && cause !== undefined ? { cause: errorJson(cause, depth + 1) } : undefined),
    ...(deeper && Array.isArray(errors)
      ? { errors: errors.slice(0, maxGathered).map((each: unknown) => errorJson(each, depth + 1)) }
      : undefined),
  }
}
