import type { Dispatcher } from 'undici'
import type { RequestBody } from './request-body.ts'

/** Longest body that is kept for a repetition, in bytes. */
export const recordLimit = 4_194_304

/**
 * The body of a `fetch`, which hands it down as chunks that can be read once, whatever the caller gave. They are kept
 * as they are sent, so that other attempts can have them too.
 */
export class RecordedBody implements RequestBody {
  readonly isWhole = true
  readonly isReplayable = true
  readonly #source: AsyncIterator<Uint8Array>
  readonly #kept: Uint8Array[] = []
  #reading: Promise<boolean> | undefined
  #ended = false

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#source = chunks[Symbol.asyncIterator]()
  }

  open(): Dispatcher.DispatchOptions['body'] {
    // Any iterable is a body, which the types do not say.
    return { [Symbol.asyncIterator]: () => this.#read() } as never
  }

  release(): void {
    if (this.#ended) return
    this.#ended = true
    this.#source.return?.().catch(() => {})
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let index = 0; ; index++) {
      if (index === this.#kept.length && !(await this.#readOn())) return
      yield this.#kept[index] as Uint8Array
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
