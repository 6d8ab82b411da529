import type { ServerResponse } from 'node:http'
import type { Answer, BodySink } from './answer.ts'
import { breakOff } from './break-off.ts'

/** Bytes up to which copying a body costs less than writing it apart. */
const shortBody = 4_096
/**
 * Bytes that may wait for the client before the instance has to. Node says "full" at half of that, which one read from the instance
 * reaches: to stop it and start it again after each costs more than the memory.
 */
const waitingLimit = 131_072

/** Passes a body on to a client, no faster than it reads, and gives up one that does not read at all. */
export class ClientSink implements BodySink {
  readonly #response: ServerResponse
  readonly #answer: Answer
  readonly #stalled: (wait: () => void) => () => void
  readonly #flush: (() => void) | undefined
  #cancelTimer: (() => void) | undefined
  #listens = false

  /** @param stalled starts the time limit of a client that does not read, and gives the way to end it */
  constructor(response: ServerResponse, answer: Answer, stalled: (onStalled: () => void) => () => void) {
    this.#response = response
    this.#answer = answer
    this.#stalled = stalled
    // A middleware that compresses holds back what is short. What has no length may be events, each of which is waited for.
    const { flush } = response as { flush?: unknown }
    const isHeld = Object.hasOwn(response, 'flush') && typeof flush === 'function'
    if (isHeld && answer.headers.contentLength === undefined) this.#flush = () => flush.call(response)
  }

  begin(): void {
    this.#response.flushHeaders()
  }

  write(chunk: Buffer): boolean {
    if (this.#response.writableEnded) {
      // A middleware ended it: to write on would be an error of the response that nobody listens to.
      this.#answer.abort(new DOMException('the response was ended', 'AbortError'))
      return false
    }
    const isTaken = this.#response.write(chunk)
    this.#flush?.()
    if (isTaken || this.#response.writableLength < waitingLimit) return true
    if (!this.#listens) {
      this.#listens = true
      this.#response.on('drain', () => this.#drained()).on('close', () => this.#cancelTimer?.())
    }
    // Destroying it aborts the request to the instance, by the response's 'close'.
    this.#cancelTimer ??= this.#stalled(() => breakOff(this.#response))
    return false
  }

  end(rawTrailers: readonly Buffer[]): void {
    this.#cancelTimer?.()
    if (rawTrailers.length > 0 && this.#response.chunkedEncoding) this.#addTrailers(rawTrailers)
    this.#response.end()
  }

  endWith(chunk: Buffer): void {
    // As a string, a short body is written together with the header: one piece instead of two.
    if (chunk.length <= shortBody && !this.#response.chunkedEncoding) {
      this.#response.end(chunk.toString('latin1'), 'latin1')
    } else {
      this.#response.end(chunk)
    }
  }

  fail(): void {
    breakOff(this.#response)
  }

  #addTrailers(raw: readonly Buffer[]): void {
    try {
      this.#response.addTrailers(trailers(raw))
    } catch {
      // Node takes one for malformed: none of them is passed on.
    }
  }

  #drained(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#answer.resume()
  }
}

/** What a trailer may not say (RFC 9110 section 6.5.1): it would change how the message is understood. */
const notInTrailers: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'keep-alive',
  'location',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function trailers(raw: readonly Buffer[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] as Buffer).toString('latin1')
    if (!notInTrailers.has(name.toLowerCase())) pairs.push([name, (raw[index + 1] as Buffer).toString('latin1')])
  }
  return pairs
}
