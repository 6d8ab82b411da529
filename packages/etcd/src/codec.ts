import type { ServiceInstance, ServiceInstanceInit } from '@lb/core'
import { addressCodec, goZeroCodec } from './address-codec.ts'
import { kratosCodec } from './kratos-codec.ts'

/** One key with its value. */
export interface CodecEntry {
  /** Whose instances were asked for. */
  readonly service: string
  /** The key, without the prefix and the service: of `/microservices/orders/a1` it is `a1`. */
  readonly name: string
  readonly value: string
}

/** How instances are written in etcd. */
export interface Codec {
  /** Used when the option `prefix` is absent. Default `/microservices/`. */
  readonly prefix?: string | undefined
  /**
   * The instance that `entry` describes; `undefined` when it describes none of this service. What this throws leaves only this
   * instance out, and is told.
   */
  decode(entry: CodecEntry): ServiceInstanceInit | undefined
  /** The value for an instance; needed for registrars. @throws InvalidInstanceError for what cannot be written */
  encode?(instance: ServiceInstance, service: string): string
  /** What the key ends with: the `name` of the entry. Default: the id of the instance. `leaseId` is the decimal number of its lease. */
  nameOf?(instance: ServiceInstance, leaseId: string): string
}

/**
 * - `kratos`: JSON as go-kratos writes it, under `/microservices/<service>/<id>`
 * - `go-zero`: `host:port` as go-zero writes it, under `<service>/<lease>`
 * - `address`: `host:port` or `https://host:port`, under `/microservices/<service>/<id>`
 */
export type CodecName = 'kratos' | 'go-zero' | 'address'

export const codecs: Readonly<Record<CodecName, Codec>> = Object.freeze({
  kratos: kratosCodec,
  'go-zero': goZeroCodec,
  address: addressCodec,
})
