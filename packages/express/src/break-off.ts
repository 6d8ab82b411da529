import type { ServerResponse } from 'node:http'

/**
 * Ends a response that cannot be completed, with its connection. One that waits for the responses to earlier requests of its connection has
 * none yet: Node would leave that open for ever.
 */
export function breakOff(response: ServerResponse): void {
  if (response.socket === null) response.once('socket', (socket) => socket.destroy())
  response.destroy()
}
