import type { Socket } from 'node:net'
import { type AttemptContext, InvalidOptionError, type LoadBalancer, type ServiceInstance } from '@lb/core'
import { loadReportFormatHeader, type ServiceUrl } from '@lb/core/authoring'
import {
  type Arrivals,
  connectTimeoutMs,
  guardConnection,
  InstancePools,
  isUnreadable,
  limitWaiting,
  type PoolOptions,
  poolSettings,
} from '@lb/undici/authoring'
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import type { RedirectResponse } from './replayed-response.ts'
import { timeLeft } from './request.ts'
import { type EarlyResponse, judged, validResponse } from './response.ts'
import { plainRequest } from './undici-request.ts'
import { type Exchanged, UndiciResponse } from './undici-response.ts'

/** Connections to one instance: what is used of undici's `Pool`. */
export interface UndiciPool {
  /** Sends a request. */
  dispatch(request: never, handler: never): boolean
  /** Takes no new requests, and ends when the last one has ended. */
  close(): Promise<void>
  /** How many requests wait for a connection. */
  readonly stats?: { readonly queued: number } | undefined
}

/** What is used of the package `undici`. */
export interface Undici {
  /** Makes the connections to one instance. */
  readonly Pool: new (
    origin: string,
    options: Record<string, unknown>,
  ) => UndiciPool
  /** Makes the connections themselves. Without it, nothing limits a reason phrase or the extension of a chunk. */
  readonly buildConnector?: ((options: Record<string, unknown>) => unknown) | undefined
}

type Connector = (target: unknown, callback: (error: Error | null, socket: Socket | null) => void) => void

// An import of the package gives, in Bun, the undici that is built into it, and that one sends nothing.
const isOtherUndici =
  'undici must be the package undici, 7.30 or later: the pools of this one, built into the runtime, have no dispatch'

// Nothing was sent when a connection cannot be made. All other limits are the request's.
const connectOptions = { timeout: connectTimeoutMs }

/** Every client of a load balancer with the same options shares its connections. */
const poolsOf = new WeakMap<LoadBalancer, Map<string, InstancePools<UndiciPool>>>()

function sharedPools(
  lb: LoadBalancer,
  { Pool, buildConnector }: Undici,
  options: PoolOptions,
): InstancePools<UndiciPool> {
  const settings = poolSettings(options)
  const key = JSON.stringify(settings)
  const known = poolsOf.get(lb) ?? new Map<string, InstancePools<UndiciPool>>()
  poolsOf.set(lb, known)
  const open = (origin: string, _instance: ServiceInstance, arrivals: Arrivals): UndiciPool => {
    // One for each instance: it keeps the TLS sessions.
    const connect =
      buildConnector === undefined
        ? connectOptions
        : limited(buildConnector({ ...connectOptions, allowH2: false }) as Connector, arrivals, settings.maxHeaderSize)
    const pool = opened(new Pool(origin, { ...settings, allowH2: false, connect }))
    return settings.connections === null ? pool : limitWaiting(pool, connectTimeoutMs)
  }
  const pools = known.get(key) ?? new InstancePools(lb, open)
  known.set(key, pools)
  return pools
}

/** How a request ended, as the caller sees it. */
export type Seen = AxiosResponse | EarlyResponse | RedirectResponse

/** Sends the requests that need nothing of axios's own adapter over undici's connections. */
export class UndiciTransport {
  readonly #pools: InstancePools<UndiciPool>
  /** Instances whose responses undici cannot read, until a list brings them anew. */
  readonly #unreadable = new WeakSet<ServiceInstance>()

  constructor(lb: LoadBalancer, undici: Undici, pool: PoolOptions = {}) {
    this.#pools = sharedPools(lb, undici, pool)
  }

  /** `undefined`: the request is one for axios's own adapter. */
  send(
    config: InternalAxiosRequestConfig,
    url: ServiceUrl,
    instance: ServiceInstance,
    context: AttemptContext,
    host: string | undefined,
  ): Promise<Seen> | undefined {
    if (this.#unreadable.has(instance)) return undefined
    const request = plainRequest(config, url, instance, host)
    if (request === undefined) return undefined
    const { loadReportFormat } = context
    if (loadReportFormat !== undefined && !config.headers.has(loadReportFormatHeader)) {
      request.headers.push(loadReportFormatHeader, loadReportFormat)
    }
    const timeout = timeLeft(config, context)
    const response = new UndiciResponse(config, request)
    response.arrivals = this.#pools.arrivals
    const sent = { ...request, headersTimeout: 0, bodyTimeout: timeout ?? 0 }
    const send = (): void => {
      this.#pools.for(instance).dispatch(sent as never, response as never)
    }
    // Here, as `validateStatus` is to run where the request was made.
    return response.exchange(send, context, timeout).then(seenByCaller, (error: unknown) => {
      if (isUnreadable(error)) this.#unreadable.add(instance)
      throw error
    })
  }
}

function limited(connect: Connector, arrivals: Arrivals, maxHeaderBytes: number): Connector {
  return (target, callback) =>
    connect(target, (error, socket) => callback(error, socket && guardConnection(socket, arrivals, maxHeaderBytes)))
}

/** @throws InvalidOptionError */
function opened(pool: UndiciPool): UndiciPool {
  if (typeof pool.dispatch !== 'function') throw new InvalidOptionError('undici', isOtherUndici)
  return pool
}

function seenByCaller(exchanged: Exchanged): Seen {
  if ('response' in exchanged) return validResponse(exchanged.response)
  return 'early' in exchanged ? judged(exchanged.early) : exchanged
}
