import type { Socket } from 'node:net'
import { type AttemptContext, InvalidOptionError, type LoadBalancer, type ServiceInstance } from '@lb/core'
import type { ServiceUrl } from '@lb/core/authoring'
import { connectTimeoutMs, InstancePools, isUnreadable, limitSilence } from '@lb/undici/authoring'
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import type { ResponseHead } from './replayed-response.ts'
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

// Bun gives the undici that is built into it to whoever imports the package, and that one sends nothing.
const isOtherUndici =
  'undici must be the package undici, 7.30 or later: the pools of this one, built into the runtime, have no dispatch'

// Nothing was sent when a connection cannot be made. All other limits are the request's.
const connectOptions = { timeout: connectTimeoutMs }

const poolOptions = {
  pipelining: 1,
  // As the agents do: idle connections are closed before Node's servers close them.
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 4_000,
  allowH2: false,
}

/** Every client of a load balancer shares its connections. */
const poolsOf = new WeakMap<LoadBalancer, InstancePools<UndiciPool>>()

/** How a request ended, as the caller sees it. */
export type Seen = AxiosResponse | EarlyResponse | { readonly redirect: ResponseHead }

/** Sends the requests that need nothing of axios's own adapter over undici's connections. */
export class UndiciTransport {
  readonly #pools: InstancePools<UndiciPool>
  /** Instances whose responses undici cannot read, until a list brings them anew. */
  readonly #unreadable = new WeakSet<ServiceInstance>()

  constructor(lb: LoadBalancer, { Pool, buildConnector }: Undici) {
    const open = (origin: string): UndiciPool => {
      // One for each instance: it keeps the TLS sessions.
      const connect =
        buildConnector === undefined
          ? connectOptions
          : limited(buildConnector({ ...connectOptions, allowH2: false }) as Connector)
      return opened(new Pool(origin, { ...poolOptions, connect }))
    }
    const pools = poolsOf.get(lb) ?? new InstancePools(lb, open)
    poolsOf.set(lb, pools)
    this.#pools = pools
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
    const { timeout } = timeLeft(config, context)
    const response = new UndiciResponse(config, request)
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

function limited(connect: Connector): Connector {
  return (target, callback) => connect(target, (error, socket) => callback(error, socket && limitSilence(socket)))
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
