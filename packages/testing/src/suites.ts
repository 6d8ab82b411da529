export { type BalancerCapabilities, describeBalancer } from './describe-balancer.ts'
export { describeDiscovery } from './describe-discovery.ts'
export { describeHttpClient } from './describe-http-client.ts'
export { describeRegistrar } from './describe-registrar.ts'
export type { RegistrarCapabilities, RegistrarHarness } from './describe-registrar-harness.ts'
export { type ByteFaultHarness, describeByteFaults, type FaultyConnection } from './discovery/byte-faults.ts'
export type { DiscoveryCapabilities, DiscoveryHarness, DiscoveryScale, RegistryOutage } from './discovery/harness.ts'
export { describeDiscoveryOutages } from './discovery/outages.ts'
export type {
  HttpClientCapabilities,
  HttpClientHarness,
  HttpClientRequest,
  HttpClientResponse,
} from './http-client/harness.ts'
