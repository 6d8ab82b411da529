import type { ServiceDiscovery, ServiceInstanceInit } from '@lb/core'

/** A way in which a registry goes away, and comes back with its previous content. */
export interface RegistryOutage {
  /** The registry goes away: it is killed, stands still, or the network to it is cut. */
  begin(): void | Promise<void>
  /** The registry comes back. */
  end(): void | Promise<void>
}

/** How much a registry can hold, as the suite writes it. */
export interface DiscoveryScale {
  /** The number of instances of one service. @default 100 */
  readonly instances?: number | undefined
  /** The number of services that are watched at once. @default 20 */
  readonly services?: number | undefined
}

/** How the suite writes to a registry and makes it fail. */
export interface DiscoveryHarness {
  /** Creates a discovery for the registry. It is called first in each test, and the suite closes the result. */
  create(): ServiceDiscovery | Promise<ServiceDiscovery>
  /** Makes `instances` the complete list of `service` in the registry. Resolves when they are written. */
  set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void>
  /**
   * Adds to `service` a key or record that describes no usable instance, such as one with port 0. When it is given, the suite tests that
   * such an entry is rejected by name.
   */
  readonly malform?: ((service: string) => Promise<void>) | undefined
  /** Makes the registry unreachable, or makes it return errors. */
  fail?(): Promise<void>
  /** Makes the registry reachable again, with its previous content. */
  recover?(): Promise<void>
  /** Further ways in which the registry goes away, by name, such as `killed`. The suite sends requests during each. @default {} */
  readonly outages?: Readonly<Record<string, RegistryOutage>>
  /** Called once, after the last test. */
  close?(): Promise<void>
  /** How long a change or a failure may take to be visible, in milliseconds. @default 5_000 */
  readonly withinMs?: number
  /**
   * The addresses that the suite registers: at least four different ones that the registry can hold.
   * @default `10.0.0.1:8080`, `10.0.0.2:8081` and so on
   */
  readonly addresses?: readonly { readonly host: string; readonly port: number }[]
  /**
   * The port of every instance, for a registry that holds hosts only. It must be free on 127.0.0.1, 127.0.0.2 and 127.0.0.3.
   * @default undefined: instances have different ports
   */
  readonly port?: number
}

/** What a discovery can do. Except for `push`, the suite tests only declared capabilities. */
export interface DiscoveryCapabilities {
  /** Whether it has `watch`; `false` asserts that it has none. @default true */
  readonly push?: boolean
  /** Whether weights come from the registry. @default false */
  readonly weights?: boolean
  /** Whether priorities come from the registry. @default false */
  readonly priority?: boolean
  /** Whether metadata comes from the registry. @default false */
  readonly metadata?: boolean
  /** Whether `secure` comes from the registry. @default false */
  readonly secure?: boolean
  /** Whether the registry runs in another process, so that the suite can test that a watch keeps none alive. @default false */
  readonly otherProcess?: boolean
  /** Whether the harness has `fail` and `recover`. @default false */
  readonly failure?: boolean
  /** How much the suite writes at once. @default 100 instances of a service, 20 services */
  readonly scale?: DiscoveryScale
  /** The result for a service that was never written: an empty list or an error. @default 'empty' */
  readonly unknownService?: 'empty' | 'error'
}
