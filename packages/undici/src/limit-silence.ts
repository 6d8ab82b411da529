import { maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import type { Arrivals } from './arrivals.ts'

/**
 * Ends `socket` when its other side sends more than 64 KiB and two headers of which nothing reaches a response: undici bounds neither a
 * reason phrase nor the extension of a chunk.
 *
 * @param arrivals of every response on the connection
 * @param maxHeaderBytes the limit that undici has for a header
 */
export function limitSilence<T extends Socket>(
  socket: T,
  arrivals: Arrivals,
  maxHeaderBytes: number = maxHeaderSize,
): T {
  // A header and trailers, of which undici bounds each, and what is around them.
  const limit = 65_536 + 2 * maxHeaderBytes
  const read = socket.read.bind(socket)
  let silent = 0
  let arrived = arrivals.count

  // undici does not say over which connection something arrives. But it parses what it has read before it reads more: what arrives between
  // two reads of a connection has come over that one.
  function limitedRead(size?: number): unknown {
    if (arrived !== arrivals.count) silent = 0
    else if (silent > limit) {
      socket.destroy(overflow(limit))
      return null
    }
    const chunk: Buffer | null = read(size)
    arrived = arrivals.count
    if (chunk !== null) silent += chunk.length
    return chunk
  }

  return Object.assign(socket, { read: limitedRead })
}

/** It says that the instance speaks HTTP badly. A header that is too long says less: another client may have a higher limit. */
function overflow(limit: number): Error {
  return Object.assign(new Error(`more than ${limit} bytes of a response are not part of its body`), {
    code: 'UND_ERR_SOCKET',
  })
}
