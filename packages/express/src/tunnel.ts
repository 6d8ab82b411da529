import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { CancelTimer, Clock } from '@lb/core'
import { WebSocketFrames } from './web-socket-frames.ts'

/** Interval of TCP probes on a connection that is silent, in milliseconds. */
const keepAliveProbeMs = 30_000
/** Milliseconds that both sides have to close a tunnel that is ended. */
const closeLimitMs = 2_000
/** A close frame without a mask, status 1001 (Going Away, RFC 6455 section 7.4.1). */
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9])

// The ESM and the CommonJS build may both serve one server; a registered symbol is the same in both.
const tunnelKey = Symbol.for('@lb/express.tunnel')

/** The two connections of an upgrade, and how they are joined. */
export interface TunnelEnds {
  readonly client: Duplex
  readonly instance: Duplex
  readonly isWebSocket: boolean
  readonly clock: Clock
  /** How long what one side has sent may wait for the other one to read. */
  readonly idleTimeoutMs: number
}

/** The two connections of an upgrade, joined until both are closed. */
export class Tunnel {
  readonly #client: Duplex
  readonly #instance: Duplex
  readonly #clock: Clock
  /** The frames to the client; `undefined`: another protocol. */
  readonly #frames: WebSocketFrames | undefined
  #cancelLimit: CancelTimer | undefined

  constructor({ client, instance, isWebSocket, clock, idleTimeoutMs }: TunnelEnds) {
    this.#client = client
    this.#instance = instance
    this.#clock = clock
    if (isWebSocket) {
      const frames = new WebSocketFrames()
      this.#frames = frames
      // Before the pipe, so that what is read is also written.
      instance.on('data', this.#onFrames)
    }
    for (const each of [client, instance] as Socket[]) {
      each.setTimeout?.(0)
      each.setNoDelay?.(true)
      each.setKeepAlive?.(true, keepAliveProbeMs)
    }
    join(client, instance, { clock, isWebSocket })
    join(instance, client, { clock, isWebSocket })
    if (idleTimeoutMs !== Number.POSITIVE_INFINITY) {
      limitStall(client, instance, { clock, idleTimeoutMs })
      limitStall(instance, client, { clock, idleTimeoutMs })
    }
    Object.assign(client, { [tunnelKey]: this })
  }

  /** The tunnel of a client's connection, made by any copy of this package. */
  static of(client: object): Pick<Tunnel, 'end'> | undefined {
    const { [tunnelKey]: tunnel }: { readonly [tunnelKey]?: Pick<Tunnel, 'end'> } = client
    return tunnel
  }

  /** Calls `listener` when the connection to the client is closed. */
  onClose(listener: () => void): void {
    this.#client.once('close', listener)
  }

  /**
   * Ends both connections. The client of a WebSocket gets a close frame with 1001, as soon as the frame that is being sent is complete; its
   * response closes the WebSocket at the instance. After 2 s, what is still open is destroyed.
   */
  end(): void {
    if (this.#cancelLimit !== undefined) return
    const cut = (): void => {
      this.#client.destroy()
      this.#instance.destroy()
    }
    this.#cancelLimit = this.#clock.setTimeout(cut, closeLimitMs)
    this.onClose(this.#cancelLimit)
    const frames = this.#frames
    if (frames === undefined) {
      this.#client.end()
      this.#instance.end()
    } else if (frames.isBetween) this.#sendClose(frames)
    else this.#sendCloseAfterFrame(frames)
  }

  readonly #onFrames = (chunk: Buffer): void => this.#frames?.read(chunk)

  #sendCloseAfterFrame(frames: WebSocketFrames): void {
    const instance = this.#instance
    instance.unpipe(this.#client).off('data', this.#onFrames)
    const onData = (chunk: Buffer): void => {
      this.#client.write(chunk.subarray(0, frames.readToEnd(chunk)))
      if (!frames.isBetween) return
      instance.off('data', onData)
      this.#sendClose(frames)
    }
    instance.on('data', onData).resume()
  }

  /** What the instance sends from now on is dropped. */
  #sendClose(frames: WebSocketFrames): void {
    this.#instance.unpipe(this.#client).resume()
    if (!frames.hasClosed && this.#client.writable) this.#client.write(goingAway)
  }
}

function join(
  from: Duplex,
  to: Duplex,
  { clock, isWebSocket }: { readonly clock: Clock; readonly isWebSocket: boolean },
): void {
  let isEnding = false
  const end = (): void => {
    if (isEnding) return
    isEnding = true
    // What was received is still written.
    to.end(() => limitClosing(to, clock))
  }
  from.on('error', () => to.destroy())
  // A WebSocket is never half closed; what it says last is its close frame. A server of Node keeps its side of a connection open.
  if (isWebSocket) from.on('end', end)
  from.on('close', () => {
    if (!from.readableEnded && from.readableAborted) to.destroy()
    else end()
  })
  from.pipe(to)
}

/** Ends a tunnel in which `to` reads nothing of what waits for it: the end of `from` cannot be seen behind that. */
function limitStall(
  from: Duplex,
  to: Duplex,
  { clock, idleTimeoutMs }: { readonly clock: Clock; readonly idleTimeoutMs: number },
): void {
  let cancel: CancelTimer | undefined
  const end = (): void => {
    cancel?.()
    cancel = undefined
  }
  const cut = (): void => {
    from.destroy()
    to.destroy()
  }
  from.on('pause', () => {
    if (to.writableNeedDrain && !to.destroyed) cancel ??= clock.setTimeout(cut, idleTimeoutMs)
  })
  to.on('drain', end).on('close', end)
}

/** The other side has the end of the stream, and need not close its own. */
function limitClosing(socket: Duplex, clock: Clock): void {
  if (socket.destroyed) return
  const cancel = clock.setTimeout(() => socket.destroy(), closeLimitMs, { background: true })
  socket.once('close', cancel)
}
