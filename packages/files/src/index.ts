export { FileDiscovery } from './file-discovery.ts'
export type { FileDiscoveryOptions } from './options.ts'
