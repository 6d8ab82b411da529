import { ConsulDiscovery, ConsulRegistrar } from '@lb/consul'
import type { ServiceDiscovery, ServiceRegistrar } from '@lb/core'
import { EtcdDiscovery, EtcdRegistrar } from '@lb/etcd'
import { NacosDiscovery, NacosRegistrar } from '@lb/nacos'

/** A registry, and how long after leaving it an instance has to go on serving: what its README says. */
export interface RegistryCase {
  readonly noticeMs: number
  readonly registrar: (url: string) => ServiceRegistrar
  readonly discovery: (url: string) => ServiceDiscovery
}

export type RegistryName = 'consul' | 'etcd' | 'nacos'

export const registries: Readonly<Record<RegistryName, RegistryCase>> = {
  consul: {
    noticeMs: 2_000,
    registrar: (address) => new ConsulRegistrar({ address, env: {} }),
    discovery: (address) => new ConsulDiscovery({ address, env: {} }),
  },
  etcd: {
    noticeMs: 1_000,
    registrar: (url) => new EtcdRegistrar({ endpoints: [url] }),
    discovery: (url) => new EtcdDiscovery({ endpoints: [url] }),
  },
  nacos: {
    // Twice the interval of its polls, as with the default of 10 000.
    noticeMs: 2_000,
    registrar: (url) => new NacosRegistrar({ servers: [url] }),
    discovery: (url) => new NacosDiscovery({ servers: [url], pollIntervalMs: 1_000 }),
  },
}
