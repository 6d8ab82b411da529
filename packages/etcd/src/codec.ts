import type { ServiceInstance, ServiceInstanceInit } from '@lb/core'

/** One key with its value. */
export interface CodecEntry {
  /** Whose instances were asked for. */
  readonly service: string
  /** The key, without the prefix and the service: of `/microservices/orders/a1` it is `a1`. */
  readonly name: string
  /** What the key holds. */
  readonly value: string
}

/** How instances are written in etcd. */
export interface Codec {
  /** Used when the option `prefix` is absent. @default '/microservices/' */
  readonly prefix?: string | undefined
  /**
   * The instance that `entry` describes; `undefined` when it describes none of this service. What this throws rejects only this
   * instance.
   */
  decode(entry: CodecEntry): ServiceInstanceInit | undefined
  /** The value for an instance; needed for registrars. @throws InvalidInstanceError for what cannot be written */
  encode?(instance: ServiceInstance, service: string): string
  /**
   * What the key ends with: the `name` of the entry. `leaseId` is the decimal number of its lease.
   * @default the id of the instance
   */
  nameOf?(instance: ServiceInstance, leaseId: string): string
}
