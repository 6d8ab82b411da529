/** Bytes beyond which pieces do not come from one read. */
const longestBlock = 65_536

/**
 * The header of an answer as the parser gives it: names and values in pieces, which mostly lie in one buffer. To turn that into one string,
 * and to cut it, costs less than to turn each of them.
 */
export class HeaderBlock {
  readonly #start: number = 0
  readonly #block: string | undefined

  constructor(raw: readonly Buffer[]) {
    const [first, last] = [raw[0], raw[raw.length - 1]]
    if (first === undefined || last === undefined) return
    const { buffer, byteOffset: start } = first
    const end = last.byteOffset + last.length
    if (end - start > longestBlock) return
    for (const { buffer: other, byteOffset, length } of raw) {
      if (other !== buffer || byteOffset < start || byteOffset + length > end) return
    }
    this.#start = start
    this.#block = Buffer.from(buffer, start, end - start).toString('latin1')
  }

  /** What `piece`, which is one of those, says. */
  text(piece: Buffer): string {
    if (this.#block === undefined) return piece.toString('latin1')
    const at = piece.byteOffset - this.#start
    return this.#block.slice(at, at + piece.length)
  }
}
