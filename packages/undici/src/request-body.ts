import type { Dispatcher } from 'undici'
import { RecordedBody, recordLimit } from './recorded-body.ts'

type Body = Dispatcher.DispatchOptions['body']
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
  if (wholeLength <= recordLimit && Symbol.asyncIterator in body) return new RecordedBody(body as never)
  return Symbol.asyncIterator in body || Symbol.iterator in body ? new IteratedBody(body as Chunks) : undefined
}

function isRepeatable(body: object): boolean {
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer || body instanceof Blob || Array.isArray(body))
    return true
  const kind = (body as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  return kind === 'FormData' || kind === 'Blob' || kind === 'File'
}

interface NodeStream {
  readonly pipe: unknown
  readonly readableDidRead?: boolean
  readonly destroyed?: boolean
}

function isNodeStream(body: object): body is NodeStream {
  return 'pipe' in body && typeof body.pipe === 'function'
}

/** A stream of Node's tells itself whether it was read. */
class StreamBody implements RequestBody {
  readonly isWhole = false
  readonly #stream: NodeStream

  constructor(stream: NodeStream) {
    this.#stream = stream
  }

  get isReplayable(): boolean {
    return this.#stream.readableDidRead === false && this.#stream.destroyed === false
  }

  open(): Body {
    return this.#stream as Body
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
    // Any iterable is a body, which the types do not say.
    return this as unknown as Body
  }

  release(): void {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    this.#wasRead = true
    for await (const chunk of this.#chunks) yield chunk
  }
}
