export { type BalancerCapabilities, describeBalancer } from './describe-balancer.ts'
export { describeDiscovery } from './describe-discovery.ts'
export {
  describeHttpClient,
  type HttpClientCapabilities,
  type HttpClientHarness,
  type HttpClientRequest,
  type HttpClientResponse,
} from './describe-http-client.ts'
export type { DiscoveryCapabilities, DiscoveryHarness } from './discovery-harness.ts'
export { FakeClock, settlePromises } from './fake-clock.ts'
export { type FakeAnswer, FakeDiscovery, FakeWatchDiscovery } from './fake-discovery.ts'
export { instance, instances, weighted } from './instances.ts'
export { type BackendBehaviour, type BackendRequest, type BackendScript, LoopbackBackend } from './loopback-backend.ts'
export { seededRandom } from './seeded-random.ts'
