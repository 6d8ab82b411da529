import type { Duplex } from 'node:stream'

/**
 * Closes a connection when the client ends it: with the request for an upgrade Node stops to listen. What the client sends meanwhile waits
 * unread, and hides the end while it does. Gives the way to stop.
 */
export function closeWithClient(socket: Duplex): () => void {
  const onEnd = (): void => {
    socket.destroy()
  }
  socket.on('end', onEnd)
  return () => {
    socket.off('end', onEnd)
  }
}
