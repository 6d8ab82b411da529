export { NacosDiscovery } from './nacos-discovery.ts'
export { NacosRegistrar } from './nacos-registrar.ts'
export type { NacosDiscoveryOptions, NacosOptions, NacosRegistrarOptions, UdpPushOptions, WeightOf } from './options.ts'
