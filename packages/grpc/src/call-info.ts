import type { Metadata } from '@grpc/grpc-js'

/** A call, as the options of a registration see it. */
export interface GrpcCallInfo {
  /** The name of the service that the channel's target names. */
  readonly service: string
  /** The path of the method: `/users.v1.Users/GetUser`. */
  readonly method: string
  /** The metadata that the caller sends. */
  readonly metadata: Metadata
}
