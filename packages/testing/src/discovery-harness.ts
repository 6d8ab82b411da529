import type { ServiceDiscovery, ServiceInstanceInit } from '@lb/core'

/** What the suite needs to know of a registry: how to write to it, and how to take it away. */
export interface DiscoveryHarness {
  /** A new discovery on the registry. Called first in each test; the suite closes what it gets. */
  create(): ServiceDiscovery | Promise<ServiceDiscovery>
  /** Makes `instances` the whole list of `service` in the registry. Resolves when they are written. */
  set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void>
  /** Makes the registry unreachable, or answer with errors. */
  fail?(): Promise<void>
  /** Makes it reachable again, with what was set before. */
  recover?(): Promise<void>
  /** Called once, after the last test. */
  close?(): Promise<void>
  /** How long a change or a failure may take to be seen, in milliseconds. Default 5 000. */
  readonly withinMs?: number
  /**
   * What the suite registers: at least four addresses that the registry can hold, all different. Default `10.0.0.1:8080`,
   * `10.0.0.2:8081` and so on.
   */
  readonly addresses?: readonly { readonly host: string; readonly port: number }[]
}

/** What a discovery can do. What is not declared is not asked of it, except `push`. */
export interface DiscoveryCapabilities {
  /** It has `watch`. Default true; false asserts that there is none. */
  readonly push?: boolean
  /** Weights come from the registry. */
  readonly weights?: boolean
  readonly priority?: boolean
  readonly metadata?: boolean
  readonly secure?: boolean
  /** The harness can `fail` and `recover`. */
  readonly failure?: boolean
  /** What a service gives that was never written: an empty list (the default), or an error. */
  readonly unknownService?: 'empty' | 'error'
}
