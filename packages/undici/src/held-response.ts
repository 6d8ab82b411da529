import type { Duplex } from 'node:stream'
import type { AttemptContext, CancelTimer } from '@lb/core'
import { InterimResponses, systemClock } from '@lb/core/authoring'
import type { Arrivals } from './arrivals.ts'
import type { ResponseSink } from './response-sink.ts'
import { over, type Passing, type ResponseState } from './response-state.ts'

/** Bytes of a body that wait for the decision whether the response is passed on. */
export const heldLimit = 65_536
/** Bytes of an unwanted body that are read, so that the connection can be used again. */
export const drainLimit = 65_536
/** Shared, and never changed: most responses have one part, and a list of one takes a tenth of one that grows. */
const nothing: Buffer[] = []
/** How long an unwanted body is waited for, in milliseconds. */
export const drainTimeoutMs = 1_000

/**
 * The response of one instance to one attempt, whatever the form in which the transport hands it out. Its body is held until it is
 * decided whether it is passed on, or not wanted.
 */
export abstract class HeldResponse<Trailers> {
  #state: ResponseState<Trailers> = { is: 'coming', held: nothing, bytes: 0 }
  #resolve!: (response: this) => void
  #reject!: (reason: unknown) => void
  #resolveEnd: (() => void) | undefined
  #rejectEnd: ((error: Error) => void) | undefined
  #interim: InterimResponses | undefined
  #cancelDrain: CancelTimer | undefined
  /** Whether the transport has, or had, a connection for the request. */
  hasBegun = false
  /** Called when that is so, or when the transport has refused the request. */
  onBegin: (() => void) | undefined
  /** Counts what arrives. Over a connection with `guardConnection`, every response must have the one of that connection. */
  arrivals: Arrivals | undefined

  /** The length of the body in bytes, as the header says it; NaN when it does not. */
  abstract readonly contentLength: number
  /** Ends the request on its connection, as soon as it is on one. */
  protected abstract abortTransport(reason: Error): void
  /** Stops the body. */
  protected abstract pauseTransport(): void
  /** Lets the body come again. */
  protected abstract resumeTransport(): void
  /** The body has ended before it was decided on. */
  protected completed?(): void
  /** Whether the instance is to blame for a body that breaks off with `error` while it is passed on. */
  protected abstract blames(error: Error): boolean

  /** Resolves with this at `decide`; rejects when the attempt fails before. */
  started(send: () => void): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      send()
    })
  }

  /** Whether all of the body was received, or the upgraded connection has ended. */
  get isComplete(): boolean {
    const state = this.#state
    if (state.is === 'passing') return state.ending !== undefined && 'trailers' in state.ending
    return state.is === 'complete' || state.is === 'over'
  }

  /** Whether it is given up: what arrives of it is ignored. */
  get isUnwanted(): boolean {
    return this.#state.is === 'unwanted'
  }

  /** Counts the request in flight until the body, or the upgraded connection, has ended. */
  keepInFlight(context: AttemptContext): void {
    const { is } = this.#state
    const isOpen = is === 'coming' || is === 'upgraded' || (is === 'passing' && !this.isComplete)
    if (!isOpen || this.#resolveEnd !== undefined) return
    context.until(
      new Promise<void>((resolve, reject) => {
        this.#resolveEnd = resolve
        this.#rejectEnd = reject
      }),
    )
  }

  /** Ends the attempt, whatever it is doing; the connection is lost. A response that is complete stays as it is. */
  abort(reason: Error): void {
    const state = this.#state
    if (state.is === 'upgraded') state.socket.destroy()
    else if (state.is === 'passing' && state.ending === undefined && !state.isAborted) {
      state.isAborted = true
      this.abortTransport(reason)
    } else if (state.is === 'coming') {
      this.#state = { is: 'unwanted', reason, bytes: 0 }
      this.#reject(reason)
      this.abortTransport(reason)
    }
  }

  /** The response is not wanted: what is left of it is read if that is little, else the connection is given up. */
  discard(): void {
    const state = this.#state
    if (state.is === 'upgraded') state.socket.destroy()
    else if (state.is === 'complete' || state.is === 'broken') this.#state = over
    else if (state.is === 'coming') {
      const reason = new DOMException('the response is not wanted', 'AbortError')
      this.#state = { is: 'unwanted', reason, bytes: 0 }
      if (this.contentLength > drainLimit) this.abortTransport(reason)
      else {
        const giveUp = (): void => this.abortTransport(reason)
        this.#cancelDrain = systemClock.setTimeout(giveUp, drainTimeoutMs, { background: true })
        this.resumeTransport()
      }
    }
  }

  /** Hands what is held, and all that follows, to `sink`. */
  passTo(sink: ResponseSink<Trailers>): void {
    const state = this.#state
    if (state.is !== 'coming' && state.is !== 'complete' && state.is !== 'broken') return
    const { held } = state
    const only = held[0]
    if (only !== undefined && held.length === 1 && state.is === 'complete' && sink.endWith !== undefined) {
      this.#state = over
      sink.endWith(only, state.trailers)
      return
    }
    const ending = state.is === 'coming' ? undefined : state
    const passing: Passing<Trailers> = {
      is: 'passing',
      sink,
      held,
      ending,
      isPaused: false,
      isDelivering: true,
      isAborted: false,
    }
    this.#state = passing
    sink.begin(held.length > 0 || ending !== undefined)
    passing.isDelivering = false
    if (!passing.isPaused) this.#deliver(passing)
  }

  /** The sink wants no more for now. */
  pause(): void {
    const state = this.#state
    if (state.is !== 'passing' || state.isPaused) return
    state.isPaused = true
    if (state.ending === undefined) this.pauseTransport()
  }

  /** The sink wants more again. */
  resume(): void {
    const state = this.#state
    if (state.is !== 'passing') return
    state.isPaused = false
    if (!state.isDelivering) this.#deliver(state)
  }

  /** The attempt is done, as far as the load balancer has to decide. */
  protected decide(): void {
    this.#resolve(this)
  }

  /** The attempt failed, which is known otherwise than by the transport. */
  protected reject(reason: unknown): void {
    this.#reject(reason)
  }

  /** The request goes out. */
  protected begin(): void {
    this.hasBegun = true
    this.onBegin?.()
    if (this.#state.is === 'unwanted') this.abortTransport(this.#state.reason)
  }

  /** Whether one more interim response, of which `rawHeaders` are names and values, is within the limits. */
  protected admitsInterim(rawHeaders: Iterable<{ readonly length: number }>): boolean {
    if (this.arrivals !== undefined) this.arrivals.count++
    this.#interim ??= new InterimResponses()
    return this.#interim.add(rawHeaders)
  }

  /** Takes a part of the body. Returns whether more is wanted at once. */
  onData(chunk: Buffer): boolean {
    if (this.arrivals !== undefined) this.arrivals.count++
    const state = this.#state
    switch (state.is) {
      case 'passing':
        if (state.held.length > 0 || state.isDelivering) hold(state, chunk)
        else if (!state.sink.write(chunk)) state.isPaused = true
        return !state.isPaused
      case 'coming':
        hold(state, chunk)
        state.bytes += chunk.length
        return state.bytes <= heldLimit
      case 'unwanted':
        state.bytes += chunk.length
        if (state.bytes > drainLimit) this.abortTransport(state.reason)
        return true
      default:
        return true
    }
  }

  /** The body is complete. */
  protected end(trailers: Trailers): void {
    if (this.arrivals !== undefined) this.arrivals.count++
    const state = this.#state
    this.#cancelDrain?.()
    this.#resolveEnd?.()
    if (state.is === 'passing') {
      state.ending ??= { trailers }
      if (!state.isDelivering) this.#deliver(state)
    } else if (state.is === 'coming') {
      this.#state = { is: 'complete', held: state.held, trailers }
      this.completed?.()
    } else if (state.is === 'unwanted') this.#state = over
  }

  /** The response became the connection `socket`. */
  protected upgraded(socket: Duplex): void {
    this.#state = { is: 'upgraded', socket }
    socket.once('close', () => {
      this.#state = over
      this.#resolveEnd?.()
    })
  }

  /** The request failed, or its response broke off. */
  protected failed(error: Error): void {
    const state = this.#state
    this.onBegin?.()
    this.#cancelDrain?.()
    if (state.is === 'passing' && state.ending === undefined) {
      if (this.blames(error)) this.#rejectEnd?.(error)
      else this.#resolveEnd?.()
      this.#state = over
      state.sink.fail(error)
    } else if (state.is === 'coming') {
      this.#state = { is: 'broken', held: state.held, error }
      this.#rejectEnd?.(error)
      this.#reject(error)
    } else if (state.is === 'unwanted') {
      // It is not to blame for being cut.
      this.#state = over
      this.#resolveEnd?.()
    }
  }

  #deliver(passing: Passing<Trailers>): void {
    const { sink, held } = passing
    passing.isDelivering = true
    for (let next = held.shift(); next !== undefined; next = passing.isPaused ? undefined : held.shift()) {
      if (!sink.write(next)) passing.isPaused = true
    }
    passing.isDelivering = false
    if (!passing.isPaused) this.#goOn(passing)
  }

  /** What was held has been delivered. */
  #goOn(passing: Passing<Trailers>): void {
    const { sink, ending } = passing
    if (ending === undefined) {
      if (!passing.isAborted) this.resumeTransport()
      return
    }
    this.#state = over
    if ('error' in ending) sink.fail(ending.error)
    else sink.end(ending.trailers)
  }
}

/** Adds to what is held. */
function hold(state: { held: Buffer[] }, chunk: Buffer): void {
  if (state.held === nothing) state.held = [chunk]
  else state.held.push(chunk)
}
