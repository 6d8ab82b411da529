import type { experimental, Metadata } from '@grpc/grpc-js'
import { systemClock } from '@lb/core/authoring'
import { cancelled, internal, unavailable } from './outcome.ts'

type Subchannel = experimental.SubchannelInterface
type RealSubchannel = ReturnType<Subchannel['getRealSubchannel']>
type CreateCall = RealSubchannel['createCall']
type Listener = Parameters<CreateCall>[3]
type Status = Parameters<Listener['onReceiveStatus']>[0]

/** Codes of RFC 9113 with which a stream ends. */
const http2NoError = 0
const http2InternalError = 2
const http2Cancel = 8

/** What grpc-js asks of the subchannel of a pick. */
type PickedSubchannel = Pick<
  Subchannel,
  'getAddress' | 'getCallCredentials' | 'getChannelzRef' | 'getConnectivityState' | 'getRealSubchannel'
>

/**
 * A unary response has its status right behind its message; what has none for this long is a stream, whose first message must not wait.
 */
const holdMs = 25

/**
 * `subchannel`, but the head and the first message of a response come with its status, or after 25 ms. grpc-js repeats no call that has
 * a head; so a unary call that breaks off at any point before its status can be repeated.
 */
export function withHeldResponses(subchannel: Subchannel): Subchannel {
  const createCall: CreateCall = (metadata, host, method, listener, callId) =>
    subchannel.getRealSubchannel().createCall(metadata, host, method, new HeldResponse(listener), callId)
  const picked: PickedSubchannel = {
    getAddress: () => subchannel.getAddress(),
    getCallCredentials: () => subchannel.getCallCredentials(),
    getChannelzRef: () => subchannel.getChannelzRef(),
    getConnectivityState: () => subchannel.getConnectivityState(),
    getRealSubchannel: () => ({ createCall }) as RealSubchannel,
  }
  return picked as Subchannel
}

class HeldResponse implements Listener {
  readonly #listener: Listener
  #head: Metadata | undefined
  #message: unknown
  #isReleased = false
  #cancelTimer: (() => void) | undefined

  constructor(listener: Listener) {
    this.#listener = listener
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#head = metadata
  }

  onReceiveMessage(message: unknown): void {
    if (this.#isReleased) {
      this.#listener.onReceiveMessage(message)
      return
    }
    this.#message = message
    this.#cancelTimer = systemClock.setTimeout(() => this.#releaseSoon(), holdMs)
  }

  onReceiveStatus(status: Status): void {
    const isBroken = !this.#isReleased && wasBrokenOff(status)
    const ended = isBroken ? { ...status, code: unavailable } : status
    if (ended.code === unavailable) this.#drop()
    else this.#release()
    this.#listener.onReceiveStatus(ended)
  }

  /** If the process stood still, the status may have come and not been read: one more turn of the event loop reads it. */
  #releaseSoon(): void {
    this.#cancelTimer = systemClock.setTimeout(() => this.#release(), 0)
  }

  #release(): void {
    if (this.#isReleased) return
    const [head, message] = [this.#head, this.#message]
    this.#drop()
    if (head !== undefined) this.#listener.onReceiveMetadata(head)
    if (message !== undefined) this.#listener.onReceiveMessage(message)
  }

  #drop(): void {
    this.#isReleased = true
    this.#head = undefined
    this.#message = undefined
    this.#cancelTimer?.()
  }
}

/** Whether no server gave this status: the stream ended without one. What the caller cancelled does not come here. */
function wasBrokenOff({ code, rstCode, details }: Status): boolean {
  // A server that shuts down at once resets its streams so.
  if (rstCode === http2Cancel) return code === cancelled
  if (code !== internal) return false
  // What the socket says, other than that the connection was reset, which is UNAVAILABLE anyway.
  return rstCode === http2NoError || (rstCode === http2InternalError && details.includes('internal client error'))
}
