import type { Metadata } from '@grpc/grpc-js'
import { systemClock } from '@lb/core/authoring'
import { type CallStatus, ReleasedListener } from './call-listener.ts'
import { cancelled, internal, unavailable } from './outcome.ts'

/** Codes of RFC 9113 with which a stream ends. */
const http2NoError = 0
const http2InternalError = 2
const http2Cancel = 8

/**
 * A unary response has its status right behind its message; what has none for this long is a stream, whose first message must not wait.
 */
const holdMs = 25

/**
 * Holds the head and the first message of a response back until its status, or for 25 ms. grpc-js repeats no call that has a head; so a
 * unary call that breaks off at any point before its status can be repeated.
 */
export class HeldResponse extends ReleasedListener {
  #head: Metadata | undefined
  #message: unknown
  #isReleased = false
  #cancelTimer: (() => void) | undefined

  override onReceiveMetadata(metadata: Metadata): void {
    this.#head = metadata
  }

  override onReceiveMessage(message: unknown): void {
    if (this.#isReleased) {
      super.onReceiveMessage(message)
      return
    }
    this.#message = message
    this.#cancelTimer = systemClock.setTimeout(() => this.#releaseSoon(), holdMs)
  }

  override onReceiveStatus(status: CallStatus): void {
    const isBroken = !this.#isReleased && wasBrokenOff(status)
    const ended = isBroken ? { ...status, code: unavailable } : status
    if (ended.code === unavailable) this.#drop()
    else this.#release()
    super.onReceiveStatus(ended)
  }

  /** If the process stood still, the status may have come and not been read: one more turn of the event loop reads it. */
  #releaseSoon(): void {
    this.#cancelTimer = systemClock.setTimeout(() => this.#release(), 0)
  }

  #release(): void {
    if (this.#isReleased) return
    const [head, message] = [this.#head, this.#message]
    this.#drop()
    if (head !== undefined) super.onReceiveMetadata(head)
    if (message !== undefined) super.onReceiveMessage(message)
  }

  #drop(): void {
    this.#isReleased = true
    this.#head = undefined
    this.#message = undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

/** Whether no server gave this status: the stream ended without one. What the caller cancelled does not come here. */
function wasBrokenOff({ code, rstCode, details }: CallStatus): boolean {
  // A server that shuts down at once resets its streams so.
  if (rstCode === http2Cancel) return code === cancelled
  if (code !== internal) return false
  // What the socket says, other than that the connection was reset, which is UNAVAILABLE anyway.
  return rstCode === http2NoError || (rstCode === http2InternalError && details.includes('internal client error'))
}
