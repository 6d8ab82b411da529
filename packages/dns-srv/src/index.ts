export { DnsDiscovery } from './dns-discovery.ts'
export { DnsSdDiscovery } from './dns-sd-discovery.ts'
export { DnsSrvDiscovery } from './dns-srv-discovery.ts'
export type {
  DnsDiscoveryOptions,
  DnsSdDiscoveryOptions,
  DnsSrvDiscoveryOptions,
  LookupOptions,
  TargetOptions,
  TxtKeys,
} from './options.ts'
