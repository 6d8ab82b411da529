import { checkDurationMs, checkKeys, DefinedDiscovery, systemClock, systemRandom } from '@lb/core/authoring'
import { registryErrorOf, retryAfterMsOf } from '@lb/registry-http'
import { EtcdClient } from './client.ts'
import { ServiceList } from './instances.ts'
import { keysUnder } from './key-range.ts'
import { checkConnectionOptions, codecOf, connectionKeys, type EtcdConnectionOptions } from './options.ts'
import { servicePath } from './service-name.ts'
import { ServiceWatch } from './service-watch.ts'
import { WatchLinks } from './watch-links.ts'

/** Options of `EtcdDiscovery`. */
export interface EtcdDiscoveryOptions extends EtcdConnectionOptions {
  /**
   * How many milliseconds the connection of the watches may be silent before its endpoint is asked whether it should be.
   * @default 15_000
   */
  readonly probeIntervalMs?: number | undefined
}

const defaults = Object.freeze({ timeoutMs: 5_000, probeIntervalMs: 15_000, paceMs: 50 })

/**
 * Instances that are registered in etcd, over the JSON gateway of its v3 API: each service is listed once and then watched from there,
 * all of them on one connection.
 *
 *     new EtcdDiscovery({ endpoints: ['http://10.0.0.1:2379', 'http://10.0.0.2:2379'], codec: 'kratos' })
 *
 * A service without keys is a service without instances. A value that cannot be read leaves out that instance only. A quorum of etcd has
 * to be there to answer. A watch emits changes within 50 ms of each other together; after a failure it goes on from the revision that was
 * reached, with delays of up to 1 s, 2 s, 4 s … 30 s.
 */
export class EtcdDiscovery extends DefinedDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: EtcdDiscoveryOptions = {}) {
    checkKeys('EtcdDiscovery', options, [...connectionKeys, 'probeIntervalMs'])
    checkConnectionOptions('EtcdDiscovery', options)
    checkDurationMs('EtcdDiscovery.probeIntervalMs', options.probeIntervalMs, { min: 1 })
    // Copied, so that what the caller does to it later changes nothing.
    const { prefix, clock = systemClock, random = systemRandom } = options
    const { timeoutMs = defaults.timeoutMs, probeIntervalMs = defaults.probeIntervalMs } = options
    const codec = codecOf(options)
    const client = new EtcdClient('EtcdDiscovery', options)
    const links = new WatchLinks({ client, clock, random, timeoutMs, probeIntervalMs })
    super({
      service: (service) => {
        const path = servicePath({ prefix }, codec, service)
        return new ServiceWatch({
          range: keysUnder(path),
          list: new ServiceList(service, path, codec),
          client,
          links,
          clock,
        })
      },
      sessions: { paceMs: defaults.paceMs, retryAfterMs: retryAfterMsOf },
      errorOf: registryErrorOf,
      close: () => client.close(),
      clock,
      random,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'EtcdDiscovery'
  }
}
