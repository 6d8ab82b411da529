// `@lb/grpc`: calls of @grpc/grpc-js to services.

export type { GrpcModule } from './grpc-module.ts'
export { type GrpcProbeOptions, grpcProbe } from './grpc-probe.ts'
export type { GrpcCallInfo, RegisterLoadBalancerOptions } from './options.ts'
export { registerLoadBalancer } from './register-load-balancer.ts'
