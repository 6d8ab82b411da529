import type { ServiceInstance, ServiceInstanceInit, ServiceRegistrar } from '@lb/core'

/** How the suite reads a registry and makes it fail. */
export interface RegistrarHarness {
  /** Creates a registrar for the registry. The suite closes the result. */
  create(): ServiceRegistrar | Promise<ServiceRegistrar>
  /**
   * `host:port` of each instance of `service` that the registry itself would currently return to a client, in any
   * order.
   */
  list(service: string): Promise<readonly string[]>
  /** The same with all registered data, for the capabilities `weights` and `metadata`. */
  read?(service: string): Promise<readonly ServiceInstanceInit[]>
  /**
   * Makes the registry forget the instance, as after a restart or the end of its time to live. Resolves when that is
   * done.
   */
  lose?(service: string, instance: ServiceInstance): Promise<void>
  /** Makes the registry unreachable, or makes it return errors. */
  fail?(): Promise<void>
  /** Makes the registry reachable again; its previous content may be lost. */
  recover?(): Promise<void>
  /** Called once, after the last test. */
  close?(): Promise<void>
  /** How long a change, a loss or a failure may take to be visible and repaired, in milliseconds. @default 5_000 */
  readonly withinMs?: number
  /**
   * The longest time between renewals of the registrar, in milliseconds. A failure in the suite lasts for two renewals,
   * and so does the check that a deregistered instance does not return.
   * @default a tenth of `withinMs`
   */
  readonly renewalMs?: number
  /**
   * The addresses that the suite registers: at least three different ones that the registry can hold.
   * @default `10.0.0.1:8080`, `10.0.0.2:8081` and `10.0.0.3:8082`
   */
  readonly addresses?: readonly { readonly host: string; readonly port: number }[]
}

/** What a registrar and its harness can do. The suite tests only declared capabilities. */
export interface RegistrarCapabilities {
  /** Whether weights reach the registry; needs `read`. @default false */
  readonly weights?: boolean
  /** Whether metadata reaches the registry; needs `read`. @default false */
  readonly metadata?: boolean
  /** Whether the harness has `lose`. @default false */
  readonly loss?: boolean
  /** Whether the harness has `fail` and `recover`. @default false */
  readonly failure?: boolean
}

/**
 * Checks that the harness supports the declared capabilities.
 *
 * @throws TypeError if it lacks a method or addresses
 */
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
