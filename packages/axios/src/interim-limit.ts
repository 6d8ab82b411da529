import type { ClientRequest, InformationEvent } from 'node:http'
import type { Duplex } from 'node:stream'
import { InterimResponses } from '@lb/core/authoring'
import { tooManyInterimResponses, unexpectedUpgrade } from './undici-errors.ts'

/** Of the few requests that have had an interim response. */
const interimOf = new WeakMap<ClientRequest, InterimResponses>()

/**
 * Ends `request` with an error when its instance sends interim responses without end, or switches to a protocol that the request
 * did not ask for: Node reads the former for ever, and of the latter says nothing to a request without the listener.
 */
export function limitInterim(request: ClientRequest): void {
  request.on('information', countInterim)
  request.on('upgrade', refuseUpgrade)
}

/** Listener to `information` of a request. */
export function countInterim(this: ClientRequest, { rawHeaders }: InformationEvent): void {
  let interim = interimOf.get(this)
  if (interim === undefined) {
    interim = new InterimResponses()
    interimOf.set(this, interim)
  }
  if (!interim.add(rawHeaders)) this.destroy(tooManyInterimResponses())
}

/** Listener to `upgrade` of a request. */
export function refuseUpgrade(this: ClientRequest, _response: unknown, socket: Duplex): void {
  // A transport of the application's may have asked for it.
  if (this.listenerCount('upgrade') > 1) return
  socket.destroy()
  // Node has let go of the connection, and so does not report its end.
  this.emit('error', unexpectedUpgrade())
}
