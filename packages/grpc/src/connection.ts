import type { experimental } from '@grpc/grpc-js'
import type { CancelTimer, Clock, ServiceInstance } from '@lb/core'
import { RunningClock } from '@lb/core/authoring'
import { ReleasedListener, withListeners } from './call-listener.ts'
import type { GrpcModule } from './grpc-module.ts'
import { HeldResponse } from './held-response.ts'
import { connectionError } from './outcome.ts'

type Subchannel = experimental.SubchannelInterface

export interface ConnectionOptions {
  readonly instance: ServiceInstance
  readonly subchannel: Subchannel
  readonly states: GrpcModule['connectivityState']
  readonly connectTimeoutMs: number
  readonly clock: Clock
  readonly onChange: () => void
  /** It is established again after it had failed. */
  readonly onReturn: () => void
}

/** As many in a row eject an instance by default. */
const reportsPerFailure = 5

/** The connection to one instance. It is established at once, and again whenever it was lost, until it is closed. */
export class Connection {
  readonly instance: ServiceInstance
  /** For picks. */
  readonly picked: Subchannel
  /** For picks of calls that may be repeated. */
  readonly repeatable: Subchannel
  readonly #subchannel: Subchannel
  readonly #options: ConnectionOptions
  readonly #listener: experimental.ConnectivityStateListener
  /** Why it was not established, since it last was. */
  #failure: Error | undefined
  #cancelTimer: CancelTimer | undefined
  /** How many more picks this failure counts against the instance. */
  #reports = 0

  constructor(options: ConnectionOptions) {
    const { instance, subchannel } = options
    this.#options = options
    this.instance = instance
    this.#subchannel = subchannel
    this.picked = withListeners(subchannel, (listener) => new ReleasedListener(listener))
    this.repeatable = withListeners(subchannel, (listener) => new HeldResponse(listener))
    this.#listener = (_subchannel, _previous, state, _keepalive, message) => this.#changed(state, message)
    subchannel.ref()
    subchannel.addConnectivityStateListener(this.#listener)
    if (!this.isReady) this.#connect()
  }

  /** Hot. Whether requests can be sent. */
  get isReady(): boolean {
    return this.#subchannel.getConnectivityState() === this.#options.states.READY
  }

  /** Why no request can be sent; `undefined` while it is, or is being established for the first time. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /**
   * The failure, for a pick that came here in vain. `undefined`: it has counted often enough, until the next try of the connection
   * fails: else an outage would count each call on each instance.
   */
  takeFailure(): Error | undefined {
    if (this.#reports === 0) return undefined
    this.#reports--
    return this.#failure
  }

  /** Whether a pick would come here in vain, and say nothing new. */
  get isSpent(): boolean {
    return this.#failure !== undefined && this.#reports === 0
  }

  /** Streams that are open end as ever. */
  close(): void {
    this.#cancelTimeout()
    this.#subchannel.removeConnectivityStateListener(this.#listener)
    this.#subchannel.unref()
  }

  #changed(state: number, message: string | undefined): void {
    const { states, instance } = this.#options
    if (state === states.READY) {
      const hadFailed = this.#failure !== undefined
      this.#cancelTimeout()
      this.#failure = undefined
      this.#reports = 0
      if (hadFailed) this.#options.onReturn()
    } else if (state === states.TRANSIENT_FAILURE) {
      this.#fail(`no connection to ${instance.id}: ${message ?? 'no reason given'}`)
    }
    // After a failure it goes on by itself when the backoff is over.
    if (state === states.IDLE || state === states.TRANSIENT_FAILURE) this.#connect()
    this.#options.onChange()
  }

  #connect(): void {
    this.#subchannel.startConnecting()
    if (this.#cancelTimer !== undefined || this.#failure !== undefined) return
    const { clock, connectTimeoutMs, instance, onChange } = this.#options
    const fail = (): void => {
      this.#fail(`no connection to ${instance.id} within ${connectTimeoutMs} ms`)
      onChange()
    }
    // After a block of the event loop, what lies in the sockets is read before.
    this.#cancelTimer = new RunningClock(clock).setTimeout(fail, connectTimeoutMs, { background: true })
  }

  #cancelTimeout(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #fail(message: string): void {
    this.#cancelTimeout()
    this.#failure = connectionError(message)
    this.#reports = reportsPerFailure
  }
}
