import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { closeWithClient } from './client-end.ts'

/**
 * Calls `then` when the responses to what was pipelined before on a connection are written, at once when there are none; never, when
 * the connection closes before. With the request for an upgrade Node stops listening to the connection: what those responses
 * need is done here.
 */
export function afterEarlierResponses(socket: Duplex, then: () => void): void {
  const current = (): ServerResponse | undefined =>
    (socket as { readonly _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
  if (current() === undefined) {
    then()
    return
  }
  const onDrain = (): void => {
    current()?.emit('drain')
  }
  const next = (): void => {
    const earlier = current()
    if (earlier !== undefined) {
      earlier.once('finish', next)
      return
    }
    socket.off('drain', onDrain)
    stopWatching()
    then()
  }
  const stopWatching = closeWithClient(socket)
  socket.on('drain', onDrain)
  next()
}
