import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { onDeparture, originOf } from '@lb/core/authoring'
import { Arrivals } from './arrivals.ts'

/** Connections to one instance: what is asked of undici's `Pool`. */
interface Closable {
  /** Takes no new requests, and ends when the last one has ended. */
  close(): Promise<void>
}

/** Where the pool of an origin is; empty once it was closed. */
interface Slot<Pool> {
  pool: Pool | undefined
}

type OpenPool<Pool> = (origin: string, instance: ServiceInstance, arrivals: Arrivals) => Pool

/**
 * One pool of connections for each instance, closed when its instance is removed or moves, once what is in flight has ended, and with the
 * load balancer.
 */
export class InstancePools<Pool extends Closable> {
  /** Of the responses over all pools. */
  readonly arrivals: Arrivals = new Arrivals()
  readonly #pools = new Map<string, Slot<Pool>>()
  /** The same, as most requests find it: neither a string is built for them, nor looked up. */
  readonly #byInstance = new WeakMap<ServiceInstance, Slot<Pool>>()
  readonly #open: OpenPool<Pool>

  /** @param service the only one whose instances are asked for; default: any */
  constructor(lb: LoadBalancer, open: OpenPool<Pool>, service?: string) {
    this.#open = open
    onDeparture(lb, (instance, of) => {
      if (service === undefined || service === of) this.#close(originOf(instance))
    })
    lb.subscribe(() => {
      for (const origin of this.#pools.keys()) this.#close(origin)
    }, ['closed'])
  }

  /** How many pools are open. */
  get size(): number {
    return this.#pools.size
  }

  /** The pool of `instance`, opened when it is asked for the first time. */
  for(instance: ServiceInstance): Pool {
    return this.#byInstance.get(instance)?.pool ?? this.#find(instance)
  }

  #find(instance: ServiceInstance): Pool {
    const origin = originOf(instance)
    const known = this.#pools.get(origin)
    const pool = known?.pool ?? this.#open(origin, instance, this.arrivals)
    const slot = known ?? { pool }
    this.#pools.set(origin, slot)
    this.#byInstance.set(instance, slot)
    return pool
  }

  #close(origin: string): void {
    const slot = this.#pools.get(origin)
    this.#pools.delete(origin)
    slot?.pool?.close().catch(() => {})
    if (slot !== undefined) slot.pool = undefined
  }
}
