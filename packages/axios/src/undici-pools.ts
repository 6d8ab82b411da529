import { InvalidOptionError, type LoadBalancer, type ServiceInstance } from '@lb/core'
import { authorityOf, onDeparture } from '@lb/core/authoring'
import { connectTimeoutMs } from './connection-limit.ts'

/** What a handler of undici's may do to its request. */
export interface UndiciController {
  readonly rawHeaders?: readonly (Buffer | string)[] | null | undefined
  abort(reason: Error): void
}

/** What undici tells of a request. */
export interface UndiciHandler {
  onRequestStart(controller: UndiciController): void
  onResponseStart(controller: UndiciController, statusCode: number, headers: object, statusText?: string): void
  onResponseData(controller: UndiciController, chunk: Buffer): void
  onResponseEnd(controller: UndiciController): void
  onResponseError(controller: UndiciController, error: Error): void
}

export interface UndiciRequest {
  readonly method: string
  readonly path: string
  readonly headers: readonly (string | string[])[]
  readonly body: Buffer | null
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

/** Connections to one instance: what is used of undici's `Pool`. */
export interface UndiciPool {
  dispatch(request: never, handler: never): boolean
  close(): Promise<void>
}

/** What is used of the package `undici`. */
export interface Undici {
  readonly Pool: new (origin: string, options: Record<string, unknown>) => UndiciPool
}

// Bun gives the undici that is built into it to whoever imports the package, and that one sends nothing.
const isOtherUndici =
  'undici must be the package undici, 7.30 or later: the pools of this one, built into the runtime, have no dispatch'

const poolOptions = {
  pipelining: 1,
  // As the agents do: idle connections are closed before Node's servers close them.
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 4_000,
  allowH2: false,
  // Nothing was sent when a connection cannot be made. All other limits are the request's.
  connect: { timeout: connectTimeoutMs },
}

/**
 * One pool of connections for each address, closed when its instance is removed or moves, once what is in flight has
 * ended, and with the load balancer.
 */
export class UndiciPools {
  readonly #pools = new Map<string, UndiciPool>()
  /** Addresses whose answers undici cannot read. */
  readonly #unreadable = new Set<string>()
  readonly #Pool: Undici['Pool']

  constructor(lb: LoadBalancer, { Pool }: Undici) {
    this.#Pool = Pool
    onDeparture(lb, (instance) => this.#close(addressOf(instance)))
    lb.subscribe(({ type }) => {
      if (type === 'closed') for (const address of this.#pools.keys()) this.#close(address)
    })
  }

  /** Whether undici can read what `instance` answers, as far as is known. */
  reads(instance: ServiceInstance): boolean {
    return this.#unreadable.size === 0 || !this.#unreadable.has(addressOf(instance))
  }

  /** `instance` answers in a way that undici cannot read. */
  cannotRead(instance: ServiceInstance): void {
    this.#unreadable.add(addressOf(instance))
  }

  dispatch(instance: ServiceInstance, request: UndiciRequest, handler: UndiciHandler): void {
    const address = addressOf(instance)
    let pool = this.#pools.get(address)
    if (pool === undefined) {
      pool = new this.#Pool(`http://${address}`, poolOptions)
      if (typeof pool.dispatch !== 'function') throw new InvalidOptionError('undici', isOtherUndici)
      this.#pools.set(address, pool)
    }
    pool.dispatch(request as never, handler as never)
  }

  #close(address: string): void {
    const pool = this.#pools.get(address)
    this.#pools.delete(address)
    this.#unreadable.delete(address)
    pool?.close().catch(() => {})
  }
}

function addressOf(instance: ServiceInstance): string {
  return authorityOf(instance.host, instance.port)
}
