import { maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import { InterimResponses } from '@lb/core/authoring'
import type { Arrivals } from './arrivals.ts'
import { isBodiless } from './bodiless.ts'

/** What the transport writes before anything else of a request. Text in a body may begin with any letter, so nothing shorter will do. */
const requestLine = /^\S+ \S+ HTTP\/1\.1\r\n/
const [zero, one, two, three, four] = [0x30, 0x31, 0x32, 0x33, 0x34]
/** Bytes around the fields of a head, which undici does not count: 2 000 fields have so many. */
const aroundFields = 8_192
/** One that is not folded, with the end of the line before it. */
const contentLengthLine = /\r?\ncontent-length:[^\r\n]*(?=\r?\n[^\t ])/gi

/**
 * Stands between `socket`, a connection on which one request follows the other, and undici. It takes out of what is read what is legal in
 * the head of a response but lost on undici:
 *
 * - a `100 Continue` that it did not ask for (RFC 9110 section 15.2.1), which it takes for a broken response
 * - the `Content-Length` of a 304 or 204 (section 8.6), whose body it misses: it would give up the connection
 *
 * Only what comes between a request and the end of that head is looked at.
 *
 * It ends `socket` when its other side sends more than 64 KiB and two headers of which nothing reaches a response: undici bounds neither a
 * reason phrase nor the extension of a chunk.
 *
 * @param arrivals of every response on the connection
 * @param maxHeaderBytes the limit that undici has for a header
 */
export function guardConnection<T extends Socket>(
  socket: T,
  arrivals: Arrivals,
  maxHeaderBytes: number = maxHeaderSize,
): T {
  const guard = new ConnectionGuard(socket, arrivals, maxHeaderBytes)
  return Object.assign(socket, {
    read: (size?: number) => guard.read(size),
    // Not by the list of arguments: that is an array for each write.
    write: (chunk: string | Uint8Array, encoding?: BufferEncoding, callback?: () => void) =>
      guard.write(chunk, encoding, callback),
  })
}

class ConnectionGuard {
  readonly #socket: Socket
  readonly #read: Socket['read']
  readonly #write: Socket['write']
  readonly #arrivals: Arrivals
  /** Bytes of a head that are waited for. */
  readonly #longestHead: number
  /** Bytes of which nothing reaches a response: a header and trailers, of which undici bounds each, and what is around them. */
  readonly #longestSilence: number
  #silent = 0
  #arrived: number
  #isHeadNext = false
  #interim: InterimResponses | undefined
  /** The beginning of a head, of which there is more to come. */
  #begun: Buffer | undefined

  constructor(socket: Socket, arrivals: Arrivals, maxHeaderBytes: number) {
    this.#socket = socket
    this.#read = socket.read.bind(socket)
    this.#write = socket.write.bind(socket)
    this.#arrivals = arrivals
    this.#arrived = arrivals.count
    this.#longestHead = maxHeaderBytes + aroundFields
    this.#longestSilence = 65_536 + 2 * maxHeaderBytes
  }

  // undici does not say over which connection something arrives. But it parses what it has read before it reads more: what arrives between
  // two reads of a connection has come over that one.
  read(size?: number): unknown {
    const arrivals = this.#arrivals
    if (this.#arrived !== arrivals.count) this.#silent = 0
    else if (this.#silent > this.#longestSilence) {
      this.#socket.destroy(overflow(this.#longestSilence))
      return null
    }
    for (;;) {
      const chunk: Buffer | null = this.#read(size)
      const passing = chunk !== null && this.#isHeadNext ? this.#withoutLost(chunk) : chunk
      if (chunk !== null && passing === null) continue
      this.#arrived = arrivals.count
      if (passing !== null) this.#silent += passing.length
      return passing
    }
  }

  write(chunk: string | Uint8Array, encoding?: BufferEncoding, callback?: () => void): boolean {
    if (typeof chunk === 'string' && requestLine.test(chunk)) {
      this.#isHeadNext = true
      this.#interim = undefined
    }
    return this.#write(chunk, encoding, callback)
  }

  /** What of `chunk`, and of what waited for it, is for the transport; `null` when that is nothing. */
  #withoutLost(chunk: Buffer): Buffer | null {
    const data = this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk])
    this.#begun = undefined
    if (!isOfInterest(data, 0)) {
      this.#isHeadNext = false
      return data
    }
    const passing: Buffer[] = []
    for (let start = 0; start < data.length; ) {
      const end = endOfHead(data, start, this.#longestHead)
      if (end === undefined) {
        this.#begun = data.subarray(start)
        break
      }
      if (end === -1) {
        this.#isHeadNext = false
        passing.push(data.subarray(start))
        break
      }
      const head = data.subarray(start, end)
      start = end
      const status = head.toString('latin1', 9, 12)
      this.#interim ??= new InterimResponses()
      if (status === '100' && this.#interim.add([head])) continue
      if (isFollowed(status)) {
        passing.push(head)
        continue
      }
      this.#isHeadNext = false
      // The connection has another protocol from now on.
      if (status === '101') Object.assign(this.#socket, { read: this.#read, write: this.#write })
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

/** It says that the instance speaks HTTP badly. A header that is too long says less: another client may have a higher limit. */
function overflow(limit: number): Error {
  return Object.assign(new Error(`more than ${limit} bytes of a response are not part of its body`), {
    code: 'UND_ERR_SOCKET',
  })
}
