import type { Client, ClientReadableStream } from '@grpc/grpc-js'
import type { CancelTimer, HealthObserver } from '@lb/core'
import { fullJitterBackoffMs, systemClock, systemRandom } from '@lb/core/authoring'
import { servingStatus, watchMethod } from './health-service.ts'
import { unimplemented } from './outcome.ts'

const backoffMs = 1_000
const maxBackoffMs = 120_000

/** A status is read at most so often: what a server announces meanwhile waits there. */
const statusEveryMs = 100

/** What a watch needs. */
export interface HealthWatchOptions {
  /** Makes a client of the instance, with a connection of its own. */
  readonly connect: () => Client
  readonly request: Buffer
  readonly observer: HealthObserver
}

/**
 * One stream of `Watch`, which is opened again whenever it ends, with an exponential backoff. It ends for good if the server does not
 * serve `Watch`.
 *
 * Source: gRFC A17, client-side health checking.
 */
export class HealthWatch {
  readonly #options: HealthWatchOptions
  #client: Client | undefined
  #stream: ClientReadableStream<string> | undefined
  #cancelTimer: CancelTimer | undefined
  /** Streams in a row that brought no status. */
  #failures = 0
  #isClosed = false

  constructor(options: HealthWatchOptions) {
    this.#options = options
    this.#open()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#stream?.cancel()
    this.#client?.close()
  }

  #open(): void {
    const { connect, request } = this.#options
    const client = connect()
    const stream = client.makeServerStreamRequest(watchMethod, (bytes: Buffer) => bytes, servingStatus, request)
    this.#client = client
    this.#stream = stream
    stream.on('data', (status: string) => this.#announced(stream, status))
    // The status has it, too.
    stream.on('error', () => {})
    stream.once('status', ({ code }) => this.#ended(client, code))
  }

  #announced(stream: ClientReadableStream<string>, status: string): void {
    if (this.#isClosed) return
    this.#failures = 0
    this.#options.observer.next({ healthy: status === 'SERVING', reason: `Watch answered ${status}` })
    stream.pause()
    this.#cancelTimer = systemClock.setTimeout(() => stream.resume(), statusEveryMs, { background: true })
  }

  #ended(client: Client, code: number): void {
    client.close()
    if (this.#isClosed) return
    this.#cancelTimer?.()
    this.#options.observer.lost()
    // The observer may have closed this.
    if (code === unimplemented || this.#isClosed) return
    this.#failures++
    const delayMs = fullJitterBackoffMs(this.#failures, backoffMs, maxBackoffMs, systemRandom)
    this.#cancelTimer = systemClock.setTimeout(() => this.#open(), delayMs, { background: true })
  }
}
