import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'

/** Longest body that is kept for a repetition, in bytes. */
const recordLimit = 4_194_304

/** What undici sends. */
type Body = NonNullable<Dispatcher.DispatchOptions['body']>
type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** The body of a request, as far as attempts go. */
export interface RequestBody {
  /** Whether several attempts can have it, one after the other and at a time. */
  readonly isWhole: boolean
  /** Whether a further attempt can still have it. */
  readonly isReplayable: boolean
  /** For one attempt. */
  open(): Body
  /** No further attempt will ask for it. */
  release(): void
}

/**
 * `undefined` when `body` can be sent as it is, as often as needed.
 *
 * @param wholeLength of a body that is no stream of the caller's but a whole which comes in pieces; else NaN
 */
export function requestBody(body: unknown, wholeLength: number): RequestBody | undefined {
  if (typeof body !== 'object' || body === null || isRepeatable(body)) return undefined
  if (isNodeStream(body)) return new StreamBody(body)
  if (isAsyncIterable(body)) return wholeLength <= recordLimit ? new RecordedBody(body) : new IteratedBody(body)
  return isChunks(body) ? new IteratedBody(body) : undefined
}

function isRepeatable(body: object): boolean {
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer || body instanceof Blob || Array.isArray(body))
    return true
  const { [Symbol.toStringTag]: kind }: { [Symbol.toStringTag]?: unknown } = Object(body)
  return kind === 'FormData' || kind === 'Blob' || kind === 'File'
}

function isNodeStream(body: object): body is Readable {
  return 'pipe' in body && typeof body.pipe === 'function'
}

function isAsyncIterable(body: object): body is AsyncIterable<Uint8Array> {
  return Symbol.asyncIterator in body
}

function isChunks(body: object): body is Iterable<Uint8Array> {
  return Symbol.iterator in body
}

/** undici takes any iterable as a body, which its types do not say. */
function asBody(chunks: AsyncIterable<Uint8Array>): Body {
  return chunks as never
}

/** A stream of Node knows whether it was read. */
class StreamBody implements RequestBody {
  readonly isWhole = false
  readonly #stream: Readable

  constructor(stream: Readable) {
    this.#stream = stream
  }

  get isReplayable(): boolean {
    return this.#stream.readableDidRead === false && this.#stream.destroyed === false
  }

  open(): Body {
    return this.#stream
  }

  release(): void {}
}

/** Anything that is iterated, a `ReadableStream` too: read only when the connection is there. */
class IteratedBody implements RequestBody, AsyncIterable<Uint8Array> {
  readonly isWhole = false
  readonly #chunks: Chunks
  #wasRead = false

  constructor(chunks: Chunks) {
    this.#chunks = chunks
  }

  get isReplayable(): boolean {
    return !this.#wasRead
  }

  open(): Body {
    return asBody(this)
  }

  release(): void {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    this.#wasRead = true
    for await (const chunk of this.#chunks) yield chunk
  }
}

/**
 * The body of a `fetch`, which hands it down as chunks that can be read once, whatever the caller gave. They are kept
 * as they are sent, so that other attempts can have them too.
 */
class RecordedBody implements RequestBody {
  readonly isWhole = true
  readonly isReplayable = true
  readonly #source: AsyncIterator<Uint8Array>
  readonly #kept: Uint8Array[] = []
  #reading: Promise<boolean> | undefined
  #ended = false

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#source = chunks[Symbol.asyncIterator]()
  }

  open(): Body {
    return asBody({ [Symbol.asyncIterator]: () => this.#read() })
  }

  release(): void {
    if (this.#ended) return
    this.#ended = true
    this.#source.return?.().catch(() => {})
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let index = 0; ; index++) {
      if (index === this.#kept.length && !(await this.#readOn())) return
      const chunk = this.#kept[index]
      if (chunk !== undefined) yield chunk
    }
  }

  /** Keeps one more chunk, for all that wait for it; false when there is none. */
  #readOn(): Promise<boolean> {
    this.#reading ??= this.#next().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #next(): Promise<boolean> {
    if (this.#ended) return false
    const { done, value } = await this.#source.next()
    if (done === true) this.#ended = true
    else this.#kept.push(value)
    return done !== true
  }
}
