import type { Socket } from 'node:net'
import { InterimResponses } from '@lb/core/authoring'

/** What the transport writes before anything else of a request. */
const requestLine = /^\S+ \S+ HTTP\/1\.1\r\n/
/** Bytes of an interim response that are waited for. */
const longest = 16_384
const one = 0x31

/**
 * Takes each `100 Continue` out of what is read from `socket`, a connection on which one request follows the other. An instance may
 * send it without being asked, and a client is to ignore it then (RFC 9110 section 15.2.1); undici takes it for a broken response. Only
 * what comes between a request and the head of its response is looked at.
 */
export function withoutContinue<T extends Socket>(socket: T): T {
  const read = socket.read.bind(socket)
  const write = socket.write.bind(socket)
  const filter = new ContinueFilter(() => Object.assign(socket, { read, write }))

  function filteredRead(size?: number): unknown {
    for (;;) {
      const chunk: Buffer | null = read(size)
      const passing = chunk === null ? null : filter.passing(chunk)
      if (chunk === null || passing !== null) return passing
    }
  }

  function notingWrite(...args: Parameters<Socket['write']>): boolean {
    const [chunk] = args
    if (typeof chunk === 'string' && requestLine.test(chunk)) filter.requestBegins()
    return write(...args)
  }

  return Object.assign(socket, { read: filteredRead, write: notingWrite })
}

/** What of the bytes of a connection is for the transport. */
class ContinueFilter {
  readonly #onUpgrade: () => void
  #isHeadNext = false
  #interim = new InterimResponses()
  /** The beginning of a head, of which there is more to come. */
  #begun: Buffer | undefined

  /** @param onUpgrade the connection has another protocol from now on */
  constructor(onUpgrade: () => void) {
    this.#onUpgrade = onUpgrade
  }

  requestBegins(): void {
    this.#isHeadNext = true
    this.#interim = new InterimResponses()
  }

  /** What of `chunk`, and of what waited for it, is for the transport; `null` when that is nothing. */
  passing(chunk: Buffer): Buffer | null {
    if (!this.#isHeadNext) return chunk
    const data = this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk])
    this.#begun = undefined
    const passing: Buffer[] = []
    for (let start = 0; start < data.length; ) {
      const end = endOfInterim(data, start)
      if (end === undefined) {
        this.#begun = data.subarray(start)
        break
      }
      const head = data.subarray(start, end === -1 ? start : end)
      const status = head.toString('latin1', 9, 12)
      const isContinue = status === '100' && this.#interim.add([head])
      if (end === -1 || status === '101' || (status === '100' && !isContinue)) {
        this.#isHeadNext = false
        if (status === '101') this.#onUpgrade()
        passing.push(data.subarray(start))
        break
      }
      if (!isContinue) passing.push(head)
      start = end
    }
    return passing.length === 0 ? null : Buffer.concat(passing)
  }
}

/** Where the interim response at `start` ends: -1 when there is none, `undefined` when more of it has to come. */
function endOfInterim(data: Buffer, start: number): number | undefined {
  const length = data.length - start
  if (length > 9 && data[start + 9] !== one) return -1
  for (let lineEnd = data.indexOf('\n', start); lineEnd !== -1; lineEnd = data.indexOf('\n', lineEnd + 1)) {
    const next = data[lineEnd + 1] === 0x0d ? lineEnd + 2 : lineEnd + 1
    if (data[next] === 0x0a) return next + 1
  }
  return length > longest ? -1 : undefined
}
