import { type Dispatcher, errors } from 'undici'

/** Names and values in turn, or a record: both can be read as often as there are attempts. */
export type RequestHeaders = string[] | Record<string, FieldValue> | null

/** A field that is sent several times has a list of values. */
type FieldValue = string | string[] | undefined

/**
 * A copy of `headers` in a form that can be read again: the caller may change its own for the next request, and an iterator
 * gives its fields only once. Throws undici's InvalidArgumentError when an iterator gives something else than pairs.
 */
export function repeatableHeaders(headers: Dispatcher.DispatchOptions['headers']): RequestHeaders {
  if (headers === undefined || headers === null || typeof headers !== 'object') return headers ?? null
  if (Array.isArray(headers)) return headers.map((each) => copied(each))
  if (!isIterable(headers)) return copiedRecord(headers)
  const list: string[] = []
  for (const field of headers) {
    if (!Array.isArray(field) || field.length !== 2) {
      throw new errors.InvalidArgumentError('headers must be in key-value pair format')
    }
    const [name, value] = field
    for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) list.push(name, each)
  }
  return list
}

function copiedRecord(headers: object): Record<string, FieldValue> {
  const copy: Record<string, FieldValue> = { ...headers }
  for (const name of Object.keys(copy)) if (Array.isArray(copy[name])) copy[name] = copied(copy[name])
  return copy
}

function copied(value: string): string
function copied(value: FieldValue): FieldValue
function copied(value: FieldValue): FieldValue {
  return Array.isArray(value) ? [...value] : value
}

/** The value of the field `name`, given in lower case. */
export function headerOf(headers: RequestHeaders, name: string): unknown {
  if (headers === null) return undefined
  if (isList(headers)) {
    for (let index = 0; index < headers.length; index += 2) {
      if (isNamed(headers[index], name)) return headers[index + 1]
    }
    return undefined
  }
  for (const field of Object.keys(headers)) if (isNamed(field, name)) return headers[field]
  return undefined
}

/** `headers` with `Host`, unless the caller gives one. What was given is not changed. */
export function withHost(headers: RequestHeaders, host: string): RequestHeaders {
  return withHeader(headers, 'host', host)
}

/** `headers` with the field `name`, given in lower case, unless the caller gives one. What was given is not changed. */
export function withHeader(headers: RequestHeaders, name: string, value: string): RequestHeaders {
  if (headerOf(headers, name) !== undefined) return headers
  return isList(headers) ? [...headers, name, value] : { ...headers, [name]: value }
}

/** `headers` with the field `name`, given in lower case, whatever they had before. What was given is not changed. */
export function withField(headers: RequestHeaders, name: string, value: string): RequestHeaders {
  if (headers === null) return { [name]: value }
  if (isList(headers)) {
    const others = headers.filter((_, index) => !isNamed(headers[index - (index % 2)], name))
    return [...others, name, value]
  }
  const others = Object.entries(headers).filter(([each]) => !isNamed(each, name))
  return { ...Object.fromEntries(others), [name]: value }
}

function isNamed(field: unknown, name: string): boolean {
  return typeof field === 'string' && field.length === name.length && field.toLowerCase() === name
}

function isList(headers: RequestHeaders): headers is string[] {
  return Array.isArray(headers)
}

// Not by `in` alone: an iterator on `Object.prototype` is not the caller's.
function isIterable(headers: object): headers is Iterable<unknown> {
  if (Object.hasOwn(headers, Symbol.iterator)) return true
  const prototype: unknown = Object.getPrototypeOf(headers)
  return prototype !== null && prototype !== Object.prototype && Symbol.iterator in headers
}
