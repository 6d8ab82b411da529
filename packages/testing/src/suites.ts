export { type BalancerCapabilities, describeBalancer } from './describe-balancer.ts'
export { describeDiscovery } from './describe-discovery.ts'
export { describeGrpcClient } from './describe-grpc-client.ts'
export { describeHttpClient } from './describe-http-client.ts'
export { describeRegistrar } from './describe-registrar.ts'
export type { RegistrarCapabilities, RegistrarHarness } from './describe-registrar-harness.ts'
export { type ByteFaultHarness, describeByteFaults, type FaultyConnection } from './discovery/byte-faults.ts'
export type { DiscoveryCapabilities, DiscoveryHarness, DiscoveryScale, RegistryOutage } from './discovery/harness.ts'
export { describeDiscoveryOutages } from './discovery/outages.ts'
export type {
  GrpcClientCapabilities,
  GrpcClientHarness,
  GrpcClientRequest,
  GrpcClientSetting,
  GrpcClientUnderTest,
} from './grpc-client/harness.ts'
export {
  type GrpcServerBehaviour,
  type GrpcServerCall,
  type GrpcServerModule,
  LoopbackGrpcServer,
} from './grpc-client/loopback-server.ts'
export { type TextMethod, textMethod, textProto, textService } from './grpc-client/text-message.ts'
export type {
  HttpClientCapabilities,
  HttpClientHarness,
  HttpClientOptions,
  HttpClientRequest,
  HttpClientResponse,
} from './http-client/harness.ts'
