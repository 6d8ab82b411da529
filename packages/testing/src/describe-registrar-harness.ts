import type { ServiceInstance, ServiceInstanceInit, ServiceRegistrar } from '@lb/core'

/** What the suite needs to know of a registry: how to read it, and how to take it away. */
export interface RegistrarHarness {
  /** A new registrar on the registry. The suite closes what it gets. */
  create(): ServiceRegistrar | Promise<ServiceRegistrar>
  /** `host:port` of each instance of `service` that the registry itself would give a client now, in any order. */
  list(service: string): Promise<readonly string[]>
  /** The same with everything that was registered, for the capabilities `weights` and `metadata`. */
  read?(service: string): Promise<readonly ServiceInstanceInit[]>
  /** Makes the registry forget the instance, as when it is restarted or its time to live is over. Resolves when that is done. */
  lose?(service: string, instance: ServiceInstance): Promise<void>
  /** Makes the registry unreachable, or answer with errors. */
  fail?(): Promise<void>
  /** Makes it reachable again; what it knew before may be lost. */
  recover?(): Promise<void>
  /** Called once, after the last test. */
  close?(): Promise<void>
  /** How long a change, a loss or a failure may take to be seen and mended, in milliseconds. Default 5 000. */
  readonly withinMs?: number
  /**
   * How often the registrar renews, in milliseconds, at most: a failure lasts for two renewals, and what was taken back stays away for as
   * long. Default a tenth of `withinMs`.
   */
  readonly renewalMs?: number
  /**
   * What the suite registers: at least three addresses that the registry can hold, all different. Default `10.0.0.1:8080`,
   * `10.0.0.2:8081` and `10.0.0.3:8082`.
   */
  readonly addresses?: readonly { readonly host: string; readonly port: number }[]
}

/** What a registrar and its harness can do. What is not declared is not asked of it. */
export interface RegistrarCapabilities {
  /** Weights reach the registry; needs `read`. */
  readonly weights?: boolean
  /** Metadata reaches the registry; needs `read`. */
  readonly metadata?: boolean
  /** The harness can `lose`. */
  readonly loss?: boolean
  /** The harness can `fail` and `recover`. */
  readonly failure?: boolean
}

/** @throws TypeError when a capability is declared that the harness has no means for */
export function checkHarness(name: string, harness: RegistrarHarness, capabilities: RegistrarCapabilities): void {
  const { weights = false, metadata = false, loss = false, failure = false } = capabilities
  const needs = (
    capability: string,
    isDeclared: boolean,
    ...methods: ('read' | 'lose' | 'fail' | 'recover')[]
  ): void => {
    if (isDeclared && methods.some((method) => harness[method] === undefined)) {
      throw new TypeError(`${name}: the capability ${capability} needs ${methods.join(' and ')} in the harness`)
    }
  }
  needs('weights', weights, 'read')
  needs('metadata', metadata, 'read')
  needs('loss', loss, 'lose')
  needs('failure', failure, 'fail', 'recover')
  if (harness.addresses !== undefined && harness.addresses.length < 3) {
    throw new TypeError(`${name}: addresses of the harness must be at least three`)
  }
}
