import { DiscoveryError } from '@lb/core'
import { DefinedDiscovery, systemClock, systemRandom } from '@lb/core/authoring'
import { registryErrorOf } from '@lb/registry-http'
import { NacosClient } from './client.ts'
import { checkDiscoveryOptions, type NacosDiscoveryOptions } from './options.ts'
import { PushReceiver } from './push-receiver.ts'
import { type GroupedName, groupedName, serviceNameProblem } from './service-name.ts'
import { ServiceWatch } from './service-watch.ts'

/**
 * Instances that are registered in Nacos, over its HTTP API: version 3, or version 1 where a server does not have that. Nacos does not push over
 * HTTP, so that a watch asks again and again: as often as the server says, or every `pollIntervalMs`. After a failure it backs off from
 * 1 s to 60 s.
 *
 *     new NacosDiscovery({ servers: ['http://10.0.0.1:8848', 'http://10.0.0.2:8848'], namespace: 'prod', group: 'ORDERS' })
 *
 * A service that Nacos does not know is one without instances: Nacos makes no difference.
 */
export class NacosDiscovery extends DefinedDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: NacosDiscoveryOptions = {}) {
    checkDiscoveryOptions(options)
    const { udpPush, clock = systemClock, random = systemRandom, pollIntervalMs = 10_000 } = options
    const { group = 'DEFAULT_GROUP', namespace = 'public', weightOf } = options
    // Copied, so that what the caller does to it later changes nothing.
    const clusters = options.clusters && [...options.clusters]
    const client = new NacosClient('NacosDiscovery', options)
    const pushes = udpPush === undefined ? undefined : new PushReceiver({ ...udpPush }, clock)
    super({
      service: (service) =>
        new ServiceWatch({
          name: nameOf(service, group),
          client,
          pushes,
          namespace,
          clusters,
          pollIntervalMs,
          weightOf,
          clock,
          random,
        }),
      errorOf: registryErrorOf,
      close: async () => {
        await Promise.all([client.close(), pushes?.close()])
      },
      clock,
      random,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'NacosDiscovery'
  }
}

function nameOf(service: string, group: string): GroupedName {
  const name = groupedName(service, group)
  const problem = serviceNameProblem(name)
  if (problem === undefined) return name
  throw new DiscoveryError(`${JSON.stringify(service)} cannot be asked for: ${problem}`, { service })
}
