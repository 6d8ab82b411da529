import { ByteCollector } from './byte-collector.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Makes lines out of bytes, however these are cut. Lines end with LF or CRLF; empty ones are left out. Bytes become text when a line is
 * complete, so that a character that was cut is whole again.
 */
export class LineSplitter {
  readonly #limit: number
  readonly #begun: ByteCollector

  constructor(maxLineBytes: number) {
    this.#limit = maxLineBytes
    // One more for the CR, which does not count.
    this.#begun = new ByteCollector(maxLineBytes + 1)
  }

  /** The lines that `piece` completes. @throws LineTooLongError after the lines before it */
  *add(piece: Buffer): Generator<string> {
    let begin = 0
    for (let end = piece.indexOf(lineFeed); end !== -1; end = piece.indexOf(lineFeed, begin)) {
      this.#collect(piece.subarray(begin, end))
      begin = end + 1
      yield* this.#complete()
    }
    this.#collect(piece.subarray(begin))
  }

  /** What is left at the end: a last line without an end. */
  *end(): Generator<string> {
    yield* this.#complete()
  }

  #collect(piece: Buffer): void {
    if (!this.#begun.add(piece)) throw new LineTooLongError(this.#limit)
  }

  *#complete(): Generator<string> {
    const bytes = this.#begun.take()
    const line = bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes
    if (line.length > this.#limit) throw new LineTooLongError(this.#limit)
    if (line.length > 0) yield line.toString('utf8')
  }
}

export class LineTooLongError extends Error {
  constructor(limit: number) {
    super(`a line of more than ${limit} bytes`)
  }
}
