import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { onDeparture, systemClock } from '@lb/core/authoring'
import { Agent, buildConnector, Dispatcher, Pool } from 'undici'
import { connectTimeoutMs } from './connect-timeout.ts'
import { HeldResponse } from './held-response.ts'
import { limitSilence } from './limit-silence.ts'
import { instanceOrigin } from './service-origin.ts'

/** The agent of a client that was given none. */
export function agentOf(lb: LoadBalancer): Dispatcher {
  return new OwnAgent(lb)
}

/** Responses of instances have a limit that relies on what reads them, so other requests have connections of their own. */
class OwnAgent extends Dispatcher {
  readonly #instances: Agent
  readonly #others: Agent

  constructor(lb: LoadBalancer) {
    super()
    const connect = buildConnector({ timeout: connectTimeoutMs })
    this.#instances = departingAgent(lb, (target, callback) =>
      connect(target, (error, socket) => {
        if (error === null) callback(null, limitSilence(socket))
        else callback(error, null)
      }),
    )
    this.#others = departingAgent(lb, { timeout: connectTimeoutMs })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const agent = handler instanceof HeldResponse ? this.#instances : this.#others
    return agent.dispatch(options, handler)
  }

  override async close(): Promise<void> {
    await Promise.all([this.#instances.close(), this.#others.close()])
  }
}

/** An agent that closes its connections to instances that have moved or left, and does not wait until they have been idle for long. */
function departingAgent(lb: LoadBalancer, connect: NonNullable<Agent.Options['connect']>): Agent {
  const pools = new Map<string, Pool>()
  const agent = new Agent({
    connect,
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
