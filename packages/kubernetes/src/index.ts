export { KubernetesDiscovery } from './kubernetes-discovery.ts'
export type { KubernetesDiscoveryOptions } from './options.ts'
