export { type BalancerCapabilities, describeBalancer } from './describe-balancer.ts'
export { describeDiscovery } from './describe-discovery.ts'
export {
  describeHttpClient,
  type HttpClientCapabilities,
  type HttpClientHarness,
  type HttpClientRequest,
  type HttpClientResponse,
} from './describe-http-client.ts'
export { describeRegistrar } from './describe-registrar.ts'
export type { RegistrarCapabilities, RegistrarHarness } from './describe-registrar-harness.ts'
export type { DiscoveryCapabilities, DiscoveryHarness } from './discovery-harness.ts'
