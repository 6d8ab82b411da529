import type * as grpc from '@grpc/grpc-js'

/** The parts of `@grpc/grpc-js` that lb uses. */
export type GrpcModule = Pick<
  typeof grpc,
  'Client' | 'Metadata' | 'connectivityState' | 'credentials' | 'experimental' | 'status'
>

/** How grpc-js is told which retries a method has. */
export type MethodConfig = ReturnType<grpc.experimental.ConfigSelector['invoke']>['methodConfig']

/** The status of a call. */
export type GrpcStatus = Pick<grpc.StatusObject, 'code' | 'details' | 'metadata'>
