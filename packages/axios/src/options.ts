import type { Criticality, LoadBalancer, MetadataMatch } from '@lb/core'
import { type CriticalityRule, checkAdapterOptions, checkLoadBalancer, rejectOption } from '@lb/core/authoring'
import { checkPoolOptions, type PoolOptions } from '@lb/undici/authoring'
import type { AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios'
import type { Undici } from './undici-transport.ts'

/** Which requests go to services, and how they are sent. */
export interface LoadBalancedAdapterOptions {
  /** Sends the request, to the instance or wherever else it goes. Default: what axios itself would use. */
  readonly adapter?: AxiosRequestConfig['adapter'] | undefined
  /**
   * The service a URL is meant for, or `undefined` when the URL is not a service's. Default: a URL is a service's when
   * its scheme is `lb:`, when its host is configured under `services` (capitals do not count), or when its host is a
   * single label that is neither `localhost` nor an IP address and no port is written.
   */
  readonly serviceOf?: (url: URL) => string | undefined
  /**
   * What the `Host` header says, when the caller gives none: the instance's address (default), or the name of the
   * service, for instances that serve several names. For https it is also the name the certificate must have.
   */
  readonly hostHeader?: 'instance' | 'service' | undefined
  /** Requests with the same key go to the same instance, with a balancer that hashes. Default: no key. */
  readonly hashKey?: (config: InternalAxiosRequestConfig) => string | undefined
  /**
   * What the metadata of the instance must say, such as `(config) => ({ version: config.headers.get('x-version')?.toString() })`. The keys that count are
   * those of `routing.keys` of the service; a value that is `undefined` says nothing. Default: any instance will do.
   */
  readonly match?: ((config: InternalAxiosRequestConfig) => MetadataMatch | undefined) | undefined
  /**
   * What a request is worth if the service is overloaded: the lowest class is refused first. A function that returns no class says `default`;
   * `criticality` of the request itself goes before. Default: `default`, whatever headers say.
   */
  readonly criticality?: CriticalityRule<InternalAxiosRequestConfig> | undefined
  /**
   * Says the class of the request to the instance: `true` in the header `x-lb-criticality`, a string in the header of that name. It replaces
   * what the caller wrote there. Default false: no header.
   */
  readonly criticalityHeader?: boolean | string | undefined
  /**
   * Whether sending the request twice has the effect of once. Default: its method says so (RFC 9110 section 9.2.2), or
   * it has an `Idempotency-Key` header.
   */
  readonly idempotent?: ((config: InternalAxiosRequestConfig) => boolean) | undefined
  /**
   * The package `undici` (7.30 or later): requests over plain HTTP that need nothing of axios's own adapter go over its
   * connections, for about two thirds of the CPU time. Default: all requests go through the adapter.
   */
  readonly undici?: Undici | undefined
  /** How the connections of `undici` to instances are kept. */
  readonly pool?: PoolOptions | undefined
}

/** The config of a request to a service, with what only lb reads of it. */
export interface LoadBalancedRequestConfig<D = unknown> extends AxiosRequestConfig<D> {
  /** What the request is worth if the service is overloaded. Default: the option `criticality` of the client. */
  readonly criticality?: Criticality | undefined
}

/** @throws InvalidOptionError */
export function checkArguments(caller: string, lb: LoadBalancer, options: LoadBalancedAdapterOptions): void {
  checkLoadBalancer(`${caller}.lb`, lb)
  checkAdapterOptions(caller, options, ['adapter', 'undici', 'pool'])
  const { undici, pool } = options
  checkPoolOptions(`${caller}.pool`, pool)
  if (pool !== undefined && undici === undefined) rejectOption(`${caller}.pool`, 'absent without undici', pool)
  if (undici !== undefined && typeof undici?.Pool !== 'function') {
    rejectOption(`${caller}.undici`, 'the package undici (import * as undici from "undici")', undici)
  }
}
