import type { Socket } from 'node:net'

/** Codes of a write that fails because the other side has reset the connection. */
const resets: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET'])

type WriteCallback = (error?: Error | null) => void

/**
 * Delays the failure of a write after a reset until what `socket` has received is read. A server that responds during an upload, such as
 * with 413, and closes the connection, resets it. Its response has arrived by then, but Node would drop it because of the failed write.
 * The next read finds the end of the connection, which ends the request.
 */
export function readBeforeFailing<T extends Socket>(socket: T): T {
  const write = socket._write.bind(socket)
  const writev = socket._writev?.bind(socket)
  // Node passes the same callback with every write.
  let callback: WriteCallback | undefined
  let delayed: WriteCallback = () => {}
  const delaying = (of: WriteCallback): WriteCallback => {
    if (callback !== of) {
      callback = of
      delayed = (error) => {
        const isReset = resets.has((error as NodeJS.ErrnoException | null | undefined)?.code)
        if (isReset && socket.readable) whenRead(socket, () => of(error))
        else of(error)
      }
    }
    return delayed
  }
  return Object.assign(socket, {
    _write: (chunk: unknown, encoding: BufferEncoding, done: WriteCallback) => write(chunk, encoding, delaying(done)),
    ...(writev && {
      _writev: (chunks: Parameters<typeof writev>[0], done: WriteCallback) => writev(chunks, delaying(done)),
    }),
  })
}

/** Calls `then` once: when all is read, or the connection is closed before. */
function whenRead(socket: Socket, then: () => void): void {
  const end = (): void => {
    socket.off('end', end).off('close', end)
    then()
  }
  socket.on('end', end).on('close', end)
}
