import type { LoadBalancer, MetadataMatch } from '@lb/core'
import { type CriticalityRule, checkAdapterOptions, checkLoadBalancer, rejectOption } from '@lb/core/authoring'
import type { Dispatcher } from 'undici'
import { checkPoolOptions, type PoolOptions } from './pool-options.ts'

/** How requests to services are recognized and sent. */
export interface LoadBalanceOptions {
  /**
   * The service an origin is meant for, or `undefined` when the origin is not a service's. Asked once for each origin.
   * Default: an origin is a service's when its scheme is `lb:`, when its host is configured under `services` (capitals
   * do not count), or when its host is a single label that is neither `localhost` nor an IP address and no port is written.
   */
  readonly serviceOf?: (origin: URL) => string | undefined
  /**
   * What the `Host` header says, when the caller gives none: the instance's address (default), or the name of the
   * service, for instances that serve several names. For https it is also the name the certificate must have.
   */
  readonly hostHeader?: 'instance' | 'service' | undefined
  /** Requests with the same key go to the same instance, with a balancer that hashes. Default: no key. */
  readonly hashKey?: (request: Dispatcher.DispatchOptions) => string | undefined
  /**
   * What the metadata of the instance must say, such as `(request) => ({ version: versionOf(request.headers) })`. The keys that count are
   * those of `routing.keys` of the service; a value that is `undefined` says nothing. Default: any instance will do.
   */
  readonly match?: ((request: Dispatcher.DispatchOptions) => MetadataMatch | undefined) | undefined
  /**
   * What a request is worth if the service is overloaded: the lowest class is refused first. A function that returns no class says
   * `default`. Default: `default`, whatever headers say.
   */
  readonly criticality?: CriticalityRule<Dispatcher.DispatchOptions> | undefined
  /**
   * Says the class of the request to the instance: `true` in the header `x-lb-criticality`, a string in the header of that name. It replaces
   * what the caller wrote there. Default false: no header.
   */
  readonly criticalityHeader?: boolean | string | undefined
  /**
   * Whether sending the request twice has the effect of once. Default: `idempotent` of the request; else its method says
   * so (RFC 9110 section 9.2.2), or it has an `Idempotency-Key` header.
   */
  readonly idempotent?: ((request: Dispatcher.DispatchOptions) => boolean) | undefined
}

/** How `fetch` sends its requests. */
export interface CreateFetchOptions extends LoadBalanceOptions {
  /** Sends the requests, to instances and to all other origins. Default: an `Agent` of its own, which gives a connection 3 seconds to be made. */
  readonly dispatcher?: Dispatcher | undefined
  /** How the connections to instances are kept. Not with `dispatcher`, which has options of its own. */
  readonly pool?: PoolOptions | undefined
}

/** @throws InvalidOptionError */
export function checkInterceptorArguments(lb: LoadBalancer, options: LoadBalanceOptions): void {
  checkLoadBalancer('loadBalanceInterceptor.lb', lb)
  checkAdapterOptions('loadBalanceInterceptor', options)
}

/** @throws InvalidOptionError */
export function checkFetchArguments(lb: LoadBalancer, options: CreateFetchOptions): void {
  checkLoadBalancer('createFetch.lb', lb)
  checkAdapterOptions('createFetch', options, ['dispatcher', 'pool'])
  const { dispatcher, pool } = options
  checkPoolOptions('createFetch.pool', pool)
  if (dispatcher === undefined) return
  if (pool !== undefined) rejectOption('createFetch.pool', 'absent when dispatcher is given', pool)
  if (typeof dispatcher?.dispatch !== 'function')
    rejectOption('createFetch.dispatcher', 'a Dispatcher of undici', dispatcher)
}
