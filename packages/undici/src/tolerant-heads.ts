import { maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import { InterimResponses } from '@lb/core/authoring'
import { isBodiless } from './bodiless.ts'

/** What the transport writes before anything else of a request. */
const requestLine = /^\S+ \S+ HTTP\/1\.1\r\n/
const [zero, one, two, three, four] = [0x30, 0x31, 0x32, 0x33, 0x34]
/** Bytes around the fields of a head, which undici does not count: 2 000 fields have so many. */
const aroundFields = 8_192
/** One that is not folded, with the end of the line before it. */
const contentLengthLine = /\r?\ncontent-length:[^\r\n]*(?=\r?\n[^\t ])/gi

/**
 * Takes out of what is read from `socket`, a connection on which one request follows the other, what is legal in the head of a response
 * but lost on undici:
 *
 * - a `100 Continue` that it did not ask for (RFC 9110 section 15.2.1), which it takes for a broken response
 * - the `Content-Length` of a 304 or 204 (section 8.6), whose body it misses: it would give up the connection
 *
 * Only what comes between a request and the end of that head is looked at.
 *
 * @param maxHeaderBytes the limit that undici has for a header
 */
export function tolerantHeads<T extends Socket>(socket: T, maxHeaderBytes: number = maxHeaderSize): T {
  const read = socket.read.bind(socket)
  const write = socket.write.bind(socket)
  const filter = new HeadFilter(maxHeaderBytes + aroundFields, () => Object.assign(socket, { read, write }))

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
class HeadFilter {
  readonly #longest: number
  readonly #onUpgrade: () => void
  #isHeadNext = false
  #interim = new InterimResponses()
  /** The beginning of a head, of which there is more to come. */
  #begun: Buffer | undefined

  /**
   * @param longest bytes of a head that are waited for
   * @param onUpgrade the connection has another protocol from now on
   */
  constructor(longest: number, onUpgrade: () => void) {
    this.#longest = longest
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
      const end = endOfHead(data, start, this.#longest)
      if (end === undefined) {
        this.#begun = data.subarray(start)
        break
      }
      if (end === -1) {
        this.#isHeadNext = false
        if (start === 0) return data
        passing.push(data.subarray(start))
        break
      }
      const head = data.subarray(start, end)
      start = end
      const status = head.toString('latin1', 9, 12)
      if (status === '100' && this.#interim.add([head])) continue
      if (isFollowed(status)) {
        passing.push(head)
        continue
      }
      this.#isHeadNext = false
      if (status === '101') this.#onUpgrade()
      passing.push(isBodiless(Number(status)) ? withoutLength(head) : head, data.subarray(end))
      break
    }
    return passing.length === 0 ? null : Buffer.concat(passing)
  }
}

/** Whether another head of the same response follows. A `100 Continue` that comes here is one too many. */
function isFollowed(status: string): boolean {
  return status.startsWith('1') && status !== '100' && status !== '101'
}

/** Whether the head at `start` may be one that is looked at, as far as its status has come: 1xx, 204 or 304. */
function isOfInterest(data: Buffer, start: number): boolean {
  const first = data[start + 9] ?? one
  if (first === one) return true
  return (
    (first === two || first === three) && (data[start + 10] ?? zero) === zero && (data[start + 11] ?? four) === four
  )
}

/** Where the head at `start` ends: -1 when it is of no interest, `undefined` when more of it has to come. */
function endOfHead(data: Buffer, start: number, longest: number): number | undefined {
  if (!isOfInterest(data, start)) return -1
  for (let lineEnd = data.indexOf('\n', start); lineEnd !== -1; lineEnd = data.indexOf('\n', lineEnd + 1)) {
    const next = data[lineEnd + 1] === 0x0d ? lineEnd + 2 : lineEnd + 1
    if (data[next] === 0x0a) return next + 1
  }
  return data.length - start > longest ? -1 : undefined
}

/** `head` without its `Content-Length`. Where there are two, what comes behind it cannot be known. */
function withoutLength(head: Buffer): Buffer {
  const text = head.toString('latin1')
  if (text.match(contentLengthLine)?.length !== 1) return head
  return Buffer.from(text.replace(contentLengthLine, ''), 'latin1')
}
