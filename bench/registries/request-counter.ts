/** Finds the requests in what a client sends on one connection of HTTP/1.1. */
export class RequestCounter {
  #head = ''
  #bodyBytesLeft = 0

  /** How many requests begin to be complete with these bytes: their head is there. */
  count(bytes: Buffer): number {
    let text = bytes.toString('latin1')
    let requests = 0
    while (text !== '') {
      const skipped = Math.min(this.#bodyBytesLeft, text.length)
      this.#bodyBytesLeft -= skipped
      this.#head += text.slice(skipped)
      const end = this.#head.indexOf('\r\n\r\n')
      if (end === -1) break
      const head = this.#head.slice(0, end)
      // None of the adapters sends a body whose length it does not know.
      if (/\r\ntransfer-encoding:/i.test(head)) throw new Error(`a request that cannot be counted: ${head}`)
      this.#bodyBytesLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      text = this.#head.slice(end + 4)
      this.#head = ''
      requests++
    }
    return requests
  }
}
