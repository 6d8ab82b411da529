import { type ServiceDiscovery, StaticDiscovery } from '@lb/core'
import { DnsSrvDiscovery } from '@lb/dns-srv'
import type { LoadBalancerModuleOptions, LoadBalancerOptionsFactory } from '@lb/nestjs'
import { Injectable } from '@nestjs/common'
import { ConfigService } from '@nestjs/config'
import type { GatewayConfiguration } from './configuration.ts'

/** Makes the options of the load balancer from the configuration. */
@Injectable()
export class LoadBalancerSettings implements LoadBalancerOptionsFactory {
  readonly #config: ConfigService<GatewayConfiguration, true>

  constructor(config: ConfigService<GatewayConfiguration, true>) {
    this.#config = config
  }

  createLoadBalancerOptions(): LoadBalancerModuleOptions {
    return {
      discovery: this.#discovery(),
      services: { 'user-service': {}, 'order-service': { retry: { maxRetries: 1 } } },
      balancer: 'round-robin',
      firstListTimeoutMs: 2_000,
    }
  }

  #discovery(): ServiceDiscovery {
    if (this.#config.get('discovery', { infer: true }) === 'static') {
      return new StaticDiscovery({ ...this.#config.get('instances', { infer: true }) })
    }
    const name = this.#config.get('dnsName', { infer: true })
    const servers = this.#config.get('dnsServers', { infer: true })
    return new DnsSrvDiscovery({ name, ...(servers.length === 0 ? undefined : { servers }) })
  }
}
