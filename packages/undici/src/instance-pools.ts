import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { onDeparture, originOf } from '@lb/core/authoring'
import { Arrivals } from './arrivals.ts'

/** Connections to one instance: what is asked of undici's `Pool`. */
interface Closable {
  /** Takes no new requests, and ends when the last one has ended. */
  close(): Promise<void>
}

type OpenPool<Pool> = (origin: string, instance: ServiceInstance, arrivals: Arrivals) => Pool

/**
 * One pool of connections for each instance, closed when its instance is removed or moves, once what is in flight has ended, and with the
 * load balancer.
 */
export class InstancePools<Pool extends Closable> {
  /** Of the responses over all pools. */
  readonly arrivals: Arrivals = new Arrivals()
  readonly #pools = new Map<string, Pool>()
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
    const origin = originOf(instance)
    let pool = this.#pools.get(origin)
    if (pool === undefined) {
      pool = this.#open(origin, instance, this.arrivals)
      this.#pools.set(origin, pool)
    }
    return pool
  }

  #close(origin: string): void {
    const pool = this.#pools.get(origin)
    this.#pools.delete(origin)
    pool?.close().catch(() => {})
  }
}
