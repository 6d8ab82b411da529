import { isIP } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { authorityOf } from '@lb/core/authoring'
import {
  type Arrivals,
  guardConnection,
  InstancePools,
  limitWaiting,
  type PoolOptions,
  poolSettings,
} from '@lb/undici/authoring'
import { buildConnector, Pool } from 'undici'
import { readBeforeFailing } from './read-before-failing.ts'

/** How the connections to the instances of one service are made. */
export interface UpstreamPoolsOptions {
  readonly service: string
  readonly connectTimeoutMs: number
  readonly hostHeader: 'instance' | 'service' | 'client'
  readonly pool?: PoolOptions | undefined
  readonly tls?: (SecureContextOptions & { readonly rejectUnauthorized?: boolean | undefined }) | undefined
}

/** The connections to one instance. */
class UpstreamPool extends Pool {
  /** The value of `Host`, unless the client's is passed on. */
  readonly host: string

  constructor(host: string, origin: string, options: Pool.Options) {
    super(origin, options)
    this.host = host
  }
}

/** One pool of connections for each instance of one service. */
export type UpstreamPools = InstancePools<UpstreamPool>

export function upstreamPools(lb: LoadBalancer, options: UpstreamPoolsOptions): UpstreamPools {
  const { hostHeader, service, connectTimeoutMs } = options
  const settings = poolSettings(options.pool)
  const open = (origin: string, instance: ServiceInstance, arrivals: Arrivals): UpstreamPool => {
    const pool = new UpstreamPool(hostHeader === 'service' ? service : hostHeaderOf(instance), origin, {
      ...settings,
      connect: connector(instance, options, arrivals, settings.maxHeaderSize),
    })
    return settings.connections === null ? pool : limitWaiting(pool, connectTimeoutMs)
  }
  return new InstancePools(lb, open, service)
}

/** `host:port` as a URL spells it, without the default port of the scheme. */
export function hostHeaderOf({ host, port, secure }: ServiceInstance): string {
  return authorityOf(host, port === (secure ? 443 : 80) ? undefined : port)
}

/** The name the certificate must have is never the client's to say. */
function connector(
  { host }: ServiceInstance,
  options: UpstreamPoolsOptions,
  arrivals: Arrivals,
  maxHeaderBytes: number,
): buildConnector.connector {
  const { service, connectTimeoutMs, hostHeader, tls } = options
  const connect = buildConnector({ ...tls, timeout: timeout(connectTimeoutMs) })
  const name = isIP(host) === 0 ? host : ''
  const servername = hostHeader === 'service' ? service : name
  return (target, callback) =>
    connect({ ...target, servername }, (error, socket) => {
      if (error === null) callback(null, guardConnection(readBeforeFailing(socket), arrivals, maxHeaderBytes))
      else callback(error, null)
    })
}

/** What undici takes for "never". */
export function timeout(ms: number): number {
  return ms === Number.POSITIVE_INFINITY ? 0 : ms
}
