import type { Socket } from 'node:net'
import { InterimResponses } from '@lb/core'

/** What the transport writes before anything else of a request. */
const requestLine = /^\S+ \S+ HTTP\/1\.1\r\n/
/** Bytes of an interim response that are waited for. */
const longest = 16_384
const one = 0x31

/**
 * Takes each `100 Continue` out of what is read from `socket`, a connection on which one request follows the other. An instance may
 * send it without being asked, and a client is to ignore it then (RFC 9110 section 15.2.1); undici takes it for a broken answer. Only
 * what comes between a request and the head of its answer is looked at.
 */
export function withoutContinue<T extends Socket>(socket: T): T {
  const read = socket.read.bind(socket)
  const write = socket.write.bind(socket)
  let isHeadNext = false
  let interim = new InterimResponses()
  /** The beginning of a head, of which there is more to come. */
  let begun: Buffer | undefined

  /** What of `data`, which begins with a head, is for the transport; `null` when that is nothing. */
  function sift(data: Buffer): Buffer | null {
    const passing: Buffer[] = []
    for (let start = 0; start < data.length; ) {
      const end = endOfInterim(data, start)
      if (end === undefined) {
        begun = data.subarray(start)
        break
      }
      const status = end === -1 ? '' : data.toString('latin1', start + 9, start + 12)
      const isContinue = status === '100' && interim.add([data.subarray(start, end)])
      if (end === -1 || status === '101' || (status === '100' && !isContinue)) {
        isHeadNext = false
        if (status === '101') Object.assign(socket, { read, write })
        passing.push(data.subarray(start))
        break
      }
      if (!isContinue) passing.push(data.subarray(start, end))
      start = end
    }
    return passing.length === 0 ? null : Buffer.concat(passing)
  }

  function siftedRead(size?: number): unknown {
    for (;;) {
      const chunk: Buffer | null = read(size)
      if (!isHeadNext || chunk === null) return chunk
      const data = begun === undefined ? chunk : Buffer.concat([begun, chunk])
      begun = undefined
      const passing = sift(data)
      if (passing !== null) return passing
    }
  }

  function notingWrite(...args: Parameters<Socket['write']>): boolean {
    const [chunk] = args
    if (typeof chunk === 'string' && requestLine.test(chunk)) {
      isHeadNext = true
      interim = new InterimResponses()
    }
    return write(...args)
  }

  return Object.assign(socket, { read: siftedRead, write: notingWrite })
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
