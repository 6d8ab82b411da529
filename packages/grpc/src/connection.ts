import type { experimental } from '@grpc/grpc-js'
import type { ServiceInstance } from '@lb/core'
import type { GrpcModule } from './grpc-module.ts'
import { connectionError } from './outcome.ts'

type Subchannel = experimental.SubchannelInterface

export interface ConnectionOptions {
  readonly instance: ServiceInstance
  readonly subchannel: Subchannel
  readonly states: GrpcModule['connectivityState']
  readonly connectTimeoutMs: number
  readonly onChange: () => void
}

/** The connection to one instance. It is established at once, and again whenever it was lost, until it is closed. */
export class Connection {
  readonly instance: ServiceInstance
  readonly subchannel: Subchannel
  readonly #options: ConnectionOptions
  readonly #listener: experimental.ConnectivityStateListener
  /** Why it was not established, since it last was. */
  #failure: Error | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: ConnectionOptions) {
    const { instance, subchannel } = options
    this.#options = options
    this.instance = instance
    this.subchannel = subchannel
    this.#listener = (_subchannel, _previous, state, _keepalive, message) => this.#changed(state, message)
    subchannel.ref()
    subchannel.addConnectivityStateListener(this.#listener)
    if (!this.isReady) this.#connect()
  }

  /** Hot. Whether requests can be sent. */
  get isReady(): boolean {
    return this.subchannel.getConnectivityState() === this.#options.states.READY
  }

  /** Why no request can be sent; `undefined` while it is, or is being established for the first time. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Streams that are open end as ever. */
  close(): void {
    clearTimeout(this.#timer)
    this.subchannel.removeConnectivityStateListener(this.#listener)
    this.subchannel.unref()
  }

  #changed(state: number, message: string | undefined): void {
    const { states, instance } = this.#options
    if (state === states.READY) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      this.#failure = undefined
    } else if (state === states.TRANSIENT_FAILURE) {
      this.#fail(`no connection to ${instance.id}: ${message ?? 'no reason given'}`)
    }
    // After a failure it goes on by itself when the backoff is over.
    if (state === states.IDLE || state === states.TRANSIENT_FAILURE) this.#connect()
    this.#options.onChange()
  }

  #connect(): void {
    this.subchannel.startConnecting()
    if (this.#timer !== undefined || this.#failure !== undefined) return
    const { connectTimeoutMs, instance, onChange } = this.#options
    this.#timer = setTimeout(() => {
      this.#fail(`no connection to ${instance.id} within ${connectTimeoutMs} ms`)
      onChange()
    }, connectTimeoutMs)
    this.#timer.unref()
  }

  #fail(message: string): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#failure = connectionError(message)
  }
}
