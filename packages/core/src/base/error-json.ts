import { type Fields, hasFields } from './fields.ts'

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
const maxErrors = 50
const maxCharacters = 2_000

/**
 * `error` as JSON, which would lose its message and its cause. Of errors of others only these fields are taken: what else they hold
 * (a request's header, a response's body) may be secret. Causes are followed 8 deep, of gathered errors the first 10 are taken, 50 in
 * all; texts end after 2,000 characters. Never throws, although what was thrown may throw when it is read.
 */
export function errorJson(error: unknown): ErrorJson {
  return jsonOf(error, { depth: 0, left: { errors: maxErrors } })
}

/** The fields of `error` itself that are plain: texts, numbers and truth values. */
export function plainFields(error: object): Record<string, string | number | boolean> {
  const plain: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(error)) {
    if (typeof value === 'string') plain[name] = bounded(value)
    else if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) plain[name] = value
  }
  return plain
}

interface Bounds {
  readonly depth: number
  /** Shared by all of one tree. */
  readonly left: { errors: number }
}

function jsonOf(error: unknown, { depth, left }: Bounds): ErrorJson {
  left.errors--
  if (!hasFields(error)) return { name: 'Error', message: bounded(textOf(error)) }
  const name = read(error, 'name')
  const message = read(error, 'message')
  const code = read(error, 'code')
  const deeper: Bounds = { depth: depth + 1, left }
  const goesOn = depth < maxDepth
  const cause = goesOn ? read(error, 'cause') : undefined
  const errors = goesOn ? gathered(error) : undefined
  return {
    name: typeof name === 'string' ? bounded(name) : 'Error',
    message: typeof message === 'string' ? bounded(message) : '',
    ...(typeof code === 'string' ? { code: bounded(code) } : undefined),
    ...(typeof code === 'number' && Number.isFinite(code) ? { code } : undefined),
    ...(cause !== undefined && left.errors > 0 ? { cause: jsonOf(cause, deeper) } : undefined),
    ...(errors && { errors: errors.flatMap((each) => (left.errors > 0 ? [jsonOf(each, deeper)] : [])) }),
  }
}

function gathered(error: Fields): readonly unknown[] | undefined {
  const errors = read(error, 'errors')
  try {
    return Array.isArray(errors) ? errors.slice(0, maxGathered) : undefined
  } catch {
    return undefined
  }
}

function read(error: Fields, name: string): unknown {
  try {
    return error[name]
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'an error that cannot be read'
  }
}

function bounded(text: string): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text
}
