import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { onDeparture, systemClock } from '@lb/core/authoring'
import { Agent, Pool } from 'undici'
import { connectTimeoutMs } from './connect-timeout.ts'
import { instanceOrigin } from './service-origin.ts'

/** An agent that closes its connections to instances that have moved or left, and does not wait until they have been idle for long. */
export function agentOf(lb: LoadBalancer): Agent {
  const pools = new Map<string, Pool>()
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs },
    factory: (origin, options: Pool.Options) => {
      const pool = new Pool(origin, options)
      const key = String(origin)
      pools.set(key, pool)
      // The agent makes a new one when this has no connection left.
      const forget = (): void => {
        if (pool.stats.connected === 0 && pools.get(key) === pool) pools.delete(key)
      }
      return pool.on('disconnect', forget).on('connectionError', forget)
    },
  })
  onDeparture(lb, (instance) => {
    // undici counts a request until it has told of its end.
    for (const pool of poolsOf(instance, pools)) systemClock.setTimeout(() => closeIdle(pool), 0, { background: true })
  })
  return agent
}

/** One with requests in flight would refuse those of an instance that is back; it departs again when they have ended. */
function closeIdle(pool: Pool): void {
  if (pool.stats.size === 0) pool.close().catch(() => {})
}

function poolsOf(instance: ServiceInstance, pools: ReadonlyMap<string, Pool>): Pool[] {
  return [false, true].flatMap((secure) => pools.get(instanceOrigin(instance, secure)) ?? [])
}
