import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

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

/** Reads the request only once somebody reads it, and leaves the client's connection alone when it is destroyed. */
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
    // Nobody reads on: what the client still sends must wait, until its response is written.
    if (this.#reading) this.#request.pause()
    callback(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#request.pause()
  }

  readonly #onEnd = (): void => {
    this.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.destroy(new DOMException('the client went away', 'AbortError'))
  }
}
