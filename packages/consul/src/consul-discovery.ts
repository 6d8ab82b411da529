import { DefinedDiscovery, systemClock, systemRandom } from '@lb/core/authoring'
import { registryErrorOf, retryAfterMsOf } from '@lb/registry-http'
import { BlockingSlots } from './blocking-slots.ts'
import { ConsulClient, connectionsForQuickAnswers } from './client.ts'
import { connectionOf } from './connection-options.ts'
import { type ConsulDiscoveryOptions, checkDiscoveryOptions } from './options.ts'
import { ServiceHealth } from './service-health.ts'
import { checkServiceName } from './service-name.ts'
import { watchService } from './service-watch.ts'

const defaults = Object.freeze({ maxBlockingQueries: 100, pollIntervalMs: 10_000, churnIntervalMs: 15_000 })

const owner = 'ConsulDiscovery'

/**
 * Instances of services in Consul, with their health, weights and metadata: by blocking queries, so that changes are seen at once.
 *
 *     new ConsulDiscovery({ address: 'http://127.0.0.1:8500', tag: 'v2' })
 *
 * All instances are in the list, critical ones as not healthy. A warning one has its weight for warnings; one in maintenance has
 * weight 0. After a failure a watch backs off from half a second to 30 s.
 */
export class ConsulDiscovery extends DefinedDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: ConsulDiscoveryOptions = {}) {
    checkDiscoveryOptions(owner, options)
    const connection = connectionOf(owner, options)
    const { maxBlockingQueries = defaults.maxBlockingQueries } = options
    const { pollIntervalMs = defaults.pollIntervalMs, churnIntervalMs = defaults.churnIntervalMs } = options
    const { clock = systemClock, random = systemRandom } = options
    const maxConnections = maxBlockingQueries + connectionsForQuickAnswers
    const client = new ConsulClient({ owner, connection, maxConnections, clock, random })
    const health = new ServiceHealth(client, options, connection.timeoutMs)
    const slots = new BlockingSlots(maxBlockingQueries)
    const watch = { health, slots, pollIntervalMs, churnIntervalMs, clock, random }
    super({
      service: (service) => {
        checkServiceName(service)
        return {
          ask: (question) => health.ask(service, { ...question, index: undefined }),
          session: (session) => watchService(service, session, watch),
        }
      },
      sessions: { retryMinMs: 500, retryMaxMs: 30_000, retryAfterMs: retryAfterMsOf },
      errorOf: registryErrorOf,
      close: () => client.close(),
      clock,
      random,
    })
  }

  get [Symbol.toStringTag](): string {
    return owner
  }
}
