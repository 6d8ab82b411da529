import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { isCutOff } from './http2.ts'
import type { MaybeExpressRequest } from './middleware.ts'

/**
 * The body of a client's request, sent by as many attempts as can have it: buffered whole when it is short, otherwise
 * streamed, once.
 */
export class RequestBody {
  readonly #request: IncomingMessage
  readonly #chunks: Buffer[] = []
  #whole: boolean
  #streamed = false

  /** @param whole the body, when it was read before */
  constructor(request: IncomingMessage, whole?: Buffer) {
    this.#request = request
    this.#whole = whole !== undefined
    if (whole !== undefined) this.#chunks.push(whole)
  }

  /** Whether another attempt can be given the body. */
  get isReplayable(): boolean {
    return this.#whole || !this.#streamed
  }

  /** Whether several attempts can have it at a time. */
  get isWhole(): boolean {
    return this.#whole
  }

  /** Reads up to `limit` bytes ahead; rejects when the client goes away. What is longer is streamed. */
  async buffer(limit: number): Promise<void> {
    if (this.#whole) return
    let size = 0
    const request = this.#request
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void): void => {
        request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
        end()
      }
      const onData = (chunk: Buffer): void => {
        this.#chunks.push(chunk)
        size += chunk.length
        if (size <= limit) return
        request.pause()
        settle(resolve)
      }
      const onEnd = (): void => {
        if (isCutOff(request)) {
          onClose()
          return
        }
        this.#whole = true
        settle(resolve)
      }
      const onClose = (): void => settle(() => reject(new DOMException('the client went away', 'AbortError')))
      request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
    })
  }

  /** For one attempt. */
  open(): Buffer | Readable {
    if (this.#whole) return Buffer.concat(this.#chunks)
    return new BodyStream(this.#request, this.#chunks, () => {
      this.#streamed = true
    })
  }
}

/** Reads the request only when it is read itself, and leaves the client's connection alone when it is destroyed. */
class BodyStream extends Readable {
  readonly #request: IncomingMessage
  readonly #first: readonly Buffer[]
  readonly #onFirstRead: () => void
  #reading = false

  constructor(request: IncomingMessage, first: readonly Buffer[], onFirstRead: () => void) {
    super()
    this.#request = request
    this.#first = first
    this.#onFirstRead = onFirstRead
  }

  override _read(): void {
    if (!this.#reading) {
      this.#reading = true
      this.#onFirstRead()
      this.#request
        .on('data', this.#onData)
        .on('end', this.#onEnd)
        .on('close', this.#onClose)
        .on('error', this.#onClose)
      for (const chunk of this.#first) this.push(chunk)
    }
    this.#request.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', this.#onClose)
    // Nothing reads on: what the client still sends must wait until its response is written.
    if (this.#reading) this.#request.pause()
    callback(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#request.pause()
  }

  readonly #onEnd = (): void => {
    if (isCutOff(this.#request)) this.#onClose()
    else this.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#request.complete || isCutOff(this.#request))
      this.destroy(new DOMException('the client went away', 'AbortError'))
  }
}

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
      form.append(name, value === undefined || value === null ? '' : String(value as string | number | boolean))
    }
  }
  for (const [name, value] of Object.entries(body)) add(name, value)
  return form.toString()
}
