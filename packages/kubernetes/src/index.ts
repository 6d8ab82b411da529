export type { KubeConfigCluster, KubeConfigObject } from './kube-config-object.ts'
export { KubernetesDiscovery } from './kubernetes-discovery.ts'
export type { KubernetesDiscoveryOptions } from './options.ts'
