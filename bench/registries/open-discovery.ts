import { ConsulDiscovery } from '@lb/consul'
import type { Random, ServiceDiscovery } from '@lb/core'
import { EtcdDiscovery } from '@lb/etcd'
import { KubernetesDiscovery } from '@lb/kubernetes'
import { NacosDiscovery } from '@lb/nacos'
import type { RegistryAccess } from './registry.ts'

/** A discovery of the registry, everything at its default. `random`: for one without jitter. */
export function openDiscovery({ kind, url, token, caFile }: RegistryAccess, random?: Random): ServiceDiscovery {
  const chance = random === undefined ? {} : { random }
  switch (kind) {
    case 'consul':
      return new ConsulDiscovery({ address: url, env: {}, ...chance })
    case 'etcd':
      return new EtcdDiscovery({ endpoints: [url], ...chance })
    case 'kubernetes': {
      const access = { server: url, ...(token !== undefined && { token }), ...(caFile !== undefined && { caFile }) }
      return new KubernetesDiscovery({ ...access, ...chance })
    }
    case 'nacos':
      return new NacosDiscovery({ servers: [url], ...chance })
  }
}
