// `@lb/grpc`: calls of @grpc/grpc-js to services.

export type { GrpcCallInfo } from './call-info.ts'
export type { GrpcModule } from './grpc-module.ts'
export { type GrpcProbeOptions, grpcProbe } from './grpc-probe.ts'
export type { RegisterLoadBalancerOptions } from './options.ts'
export { registerLoadBalancer } from './register-load-balancer.ts'
