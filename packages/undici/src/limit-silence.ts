import { maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import { responseEvents } from './response-events.ts'

/**
 * Ends `socket` when its other side sends more than 64 KiB and two headers of which nothing reaches a response: undici bounds neither a
 * reason phrase nor the extension of a chunk. Every response on the connection must be a `HeldResponse`.
 *
 * @param maxHeaderBytes the limit that undici has for a header
 */
export function limitSilence<T extends Socket>(socket: T, maxHeaderBytes: number = maxHeaderSize): T {
  // A header and trailers, of which undici bounds each, and what is around them.
  const limit = 65_536 + 2 * maxHeaderBytes
  const read = socket.read.bind(socket)
  let silent = 0
  let events = 0

  // undici parses what it has read before it reads more: what happens between two reads comes from this connection.
  function limitedRead(size?: number): unknown {
    if (events !== responseEvents()) silent = 0
    else if (silent > limit) {
      socket.destroy(overflow(limit))
      return null
    }
    const chunk: Buffer | null = read(size)
    events = responseEvents()
    if (chunk !== null) silent += chunk.length
    return chunk
  }

  return Object.assign(socket, { read: limitedRead })
}

/** The error of an instance that speaks HTTP badly, unlike that of a header, which may be within the limit of another client. */
function overflow(limit: number): Error {
  return Object.assign(new Error(`more than ${limit} bytes of a response are not part of its body`), {
    code: 'UND_ERR_SOCKET',
  })
}
