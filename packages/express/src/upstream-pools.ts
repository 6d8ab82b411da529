import { isIP } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { type LoadBalancer, onDeparture, originOf, type ServiceInstance } from '@lb/core'
import { buildConnector, Pool } from 'undici'
import { withoutContinue } from './without-continue.ts'

interface Entry {
  readonly instance: ServiceInstance
  readonly pool: Pool
}

export interface UpstreamPoolsOptions {
  readonly service: string
  readonly connectTimeoutMs: number
  readonly hostHeader: 'instance' | 'service' | 'client'
  readonly tls?: (SecureContextOptions & { readonly rejectUnauthorized?: boolean | undefined }) | undefined
}

/**
 * One connection pool for each instance of one service. A pool is closed when its instance is removed, once what is in
 * flight has ended, and all of them with the load balancer.
 */
export class UpstreamPools {
  readonly #pools = new Map<string, Entry>()
  readonly #options: UpstreamPoolsOptions

  constructor(lb: LoadBalancer, options: UpstreamPoolsOptions) {
    this.#options = options
    onDeparture(lb, (instance, service) => {
      const known = service === options.service ? this.#pools.get(instance.id) : undefined
      // Its id may be that of another one by now.
      if (known !== undefined && isSameServer(known.instance, instance)) this.#close(instance.id)
    })
    lb.subscribe(({ type }) => {
      if (type === 'closed') for (const id of this.#pools.keys()) this.#close(id)
    })
  }

  get size(): number {
    return this.#pools.size
  }

  for(instance: ServiceInstance): Pool {
    const known = this.#pools.get(instance.id)
    if (known !== undefined) {
      if (known.instance === instance || isSameServer(known.instance, instance)) return known.pool
      this.#close(instance.id)
    }
    const pool = new Pool(originOf(instance), { connect: this.#connector(instance), pipelining: 1 })
    this.#pools.set(instance.id, { instance, pool })
    return pool
  }

  /** The name the certificate must have is never the client's to say. */
  #connector({ host }: ServiceInstance): buildConnector.connector {
    const { service, connectTimeoutMs, hostHeader, tls } = this.#options
    const connect = buildConnector({ ...tls, timeout: timeout(connectTimeoutMs) })
    const name = isIP(host) === 0 ? host : ''
    const servername = hostHeader === 'service' ? service : name
    return (options, callback) =>
      connect({ ...options, servername }, (error, socket) => {
        if (error === null) callback(null, withoutContinue(socket))
        else callback(error, null)
      })
  }

  #close(id: string): void {
    const known = this.#pools.get(id)
    if (known === undefined) return
    this.#pools.delete(id)
    // Takes no new requests, and ends when the last one has.
    known.pool.close().catch(() => {})
  }
}

/** What undici takes for "never". */
export function timeout(ms: number): number {
  return ms === Number.POSITIVE_INFINITY ? 0 : ms
}

function isSameServer(one: ServiceInstance, other: ServiceInstance): boolean {
  return one.host === other.host && one.port === other.port && one.secure === other.secure
}
