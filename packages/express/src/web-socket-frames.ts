/** Bytes of the longest header of a frame: two, a length of eight, and a mask of four. */
const longestHeader = 14
const closeOpcode = 8

/** Finds where frames end in one direction of a WebSocket (RFC 6455 section 5.2): only there may another frame be inserted. */
export class WebSocketFrames {
  readonly #header = new Uint8Array(longestHeader)
  #headerLength = 0
  /** Bytes of the payload that are still to come. */
  #payload = 0
  #hasClosed = false

  /** Whether the last frame is complete. */
  get isBetween(): boolean {
    return this.#headerLength === 0 && this.#payload === 0
  }

  /** Whether a close frame has passed, after which no frame may follow. */
  get hasClosed(): boolean {
    return this.#hasClosed
  }

  /** Reads `chunk`, all of it. */
  read(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) at = this.#readOn(chunk, at)
  }

  /** Reads `chunk` up to the end of the frame that it continues, and returns where that is; at most the length of `chunk`. */
  readToEnd(chunk: Uint8Array): number {
    let at = 0
    while (at < chunk.length && !this.isBetween) at = this.#readOn(chunk, at)
    return at
  }

  #readOn(chunk: Uint8Array, at: number): number {
    if (this.#payload > 0) {
      const read = Math.min(this.#payload, chunk.length - at)
      this.#payload -= read
      return at + read
    }
    this.#header[this.#headerLength++] = chunk[at] ?? 0
    this.#endHeader()
    return at + 1
  }

  #endHeader(): void {
    const header = this.#header
    const second = header[1] ?? 0
    if (this.#headerLength < 2) return
    const short = second & 0x7f
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
    const maskBytes = second >= 0x80 ? 4 : 0
    if (this.#headerLength < 2 + lengthBytes + maskBytes) return
    let length = lengthBytes === 0 ? short : 0
    for (let at = 2; at < 2 + lengthBytes; at++) length = length * 256 + (header[at] ?? 0)
    this.#payload = length
    this.#headerLength = 0
    if (((header[0] ?? 0) & 0x0f) === closeOpcode) this.#hasClosed = true
  }
}
