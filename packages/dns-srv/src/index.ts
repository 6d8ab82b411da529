export { DnsSrvDiscovery } from './dns-srv-discovery.ts'
export type { DnsSrvDiscoveryOptions } from './options.ts'
