import type { MaybeExpressRequest } from './middleware.ts'

/** A body that was read before the proxy got the request, as it is sent again. */
export interface ParsedBody {
  readonly bytes: Buffer
  /** The `Content-Type` that fits `bytes`, when the client's does not. */
  readonly contentType?: string
}

/**
 * The body that a middleware read and parsed, from `rawBody` where there is one, else serialised anew: JSON, forms, text and bytes.
 * `undefined` when it was not read to its end, or is of another type, such as the parts of a form with files.
 */
export function parsedBody(request: MaybeExpressRequest): ParsedBody | undefined {
  if (!request.readableEnded) return undefined
  const { body, rawBody } = request
  if (rawBody instanceof Uint8Array) return { bytes: Buffer.from(rawBody) }
  if (body instanceof Uint8Array) return { bytes: Buffer.from(body) }
  const contentType = request.headers['content-type'] ?? ''
  const text = serialised(body, contentType)
  if (text === undefined) return undefined
  const bytes = Buffer.from(text)
  // What is written anew is UTF-8, whatever was read.
  const inUtf8 = contentType.replace(/(;\s*charset\s*=\s*)(?:"[^"]*"|[^;\s]*)/i, '$1utf-8')
  return inUtf8 === contentType ? { bytes } : { bytes, contentType: inUtf8 }
}

function serialised(body: unknown, contentType: string): string | undefined {
  try {
    return written(body, contentType)
  } catch {
    // What a middleware put there has no JSON.
    return undefined
  }
}

function written(body: unknown, contentType: string): string | undefined {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const isJson = type === 'application/json' || type.endsWith('+json')
  if (typeof body === 'string') return isJson && !isJsonText(body) ? JSON.stringify(body) : body
  if (isJson) return JSON.stringify(body)
  if (type === 'application/x-www-form-urlencoded' && typeof body === 'object' && body !== null) return formOf(body)
  return undefined
}

/** A string is either what JSON said, or, from a parser of text, JSON itself. */
function isJsonText(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Nested values in the brackets of `qs`, which parsed them; values of one name as often as there are. */
function formOf(body: object): string {
  const form = new URLSearchParams()
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
      const repeated = value.length > 1 ? name : `${name}[]`
      for (const each of value) form.append(repeated, String(each))
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, each] of Object.entries(value)) add(`${name}[${key}]`, each)
    } else {
      form.append(name, String(value ?? ''))
    }
  }
  for (const [name, value] of Object.entries(body)) add(name, value)
  return form.toString()
}
