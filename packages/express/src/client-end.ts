import type { Duplex } from 'node:stream'

/**
 * Closes a connection when the client ends it, although nobody reads from it: with the request for an upgrade Node stops to. What the
 * client sends meanwhile waits. Gives the way to stop.
 */
export function closeWithClient(socket: Duplex): () => void {
  const onEnd = (): void => {
    socket.destroy()
  }
  // The end of a stream is heard by those who read.
  const onReadable = (): void => {
    if (socket.readableLength === 0) socket.read()
  }
  socket.on('end', onEnd).on('readable', onReadable)
  return () => {
    socket.off('end', onEnd).off('readable', onReadable)
  }
}
