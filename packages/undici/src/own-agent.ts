import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { onDeparture, systemClock } from '@lb/core/authoring'
import { Agent, buildConnector, Dispatcher, Pool } from 'undici'
import { Arrivals } from './arrivals.ts'
import { connectTimeoutMs } from './connect-timeout.ts'
import { guardConnection } from './connection-guard.ts'
import { ConnectionWait } from './connection-wait.ts'
import { HeldResponse } from './held-response.ts'
import { type PoolOptions, poolSettings } from './pool-options.ts'
import { instanceOrigin } from './service-origin.ts'

/** The agent of a client that was given none. */
export function agentOf(lb: LoadBalancer, pool: PoolOptions | undefined): Dispatcher {
  return new OwnAgent(lb, pool)
}

/** Responses of instances have a limit that relies on what reads them, so other requests have connections of their own. */
class OwnAgent extends Dispatcher {
  readonly #instances: DepartingAgent
  readonly #others: DepartingAgent
  readonly #arrivals = new Arrivals()
  /** Absent: there are as many connections as requests need. */
  readonly #wait: ConnectionWait | undefined

  constructor(lb: LoadBalancer, pool: PoolOptions | undefined) {
    super()
    const connector = buildConnector({ timeout: connectTimeoutMs })
    const settings = poolSettings(pool)
    const { maxHeaderSize } = settings
    const connect: buildConnector.connector = (target, callback) =>
      connector(target, (error, socket) => {
        if (error === null) callback(null, guardConnection(socket, this.#arrivals, maxHeaderSize))
        else callback(error, null)
      })
    this.#instances = new DepartingAgent(lb, { ...settings, connect })
    this.#others = new DepartingAgent(lb, { ...poolSettings(), connect: { timeout: connectTimeoutMs } })
    if (settings.connections !== null) this.#wait = new ConnectionWait(connectTimeoutMs)
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (!(handler instanceof HeldResponse)) return this.#others.dispatch(options, handler)
    const agent = this.#instances
    handler.arrivals = this.#arrivals
    const wait = this.#wait
    wait?.refuseIfFull()
    const isFree = agent.dispatch(options, handler)
    if (!isFree) wait?.bound(handler, agent.poolOf(String(options.origin)))
    return isFree
  }

  override async close(): Promise<void> {
    await Promise.all([this.#instances.close(), this.#others.close()])
  }
}

/** An agent that closes its connections to instances that have moved or left, and does not wait until they have been idle for long. */
class DepartingAgent extends Agent {
  readonly #pools: Map<string, Pool>

  constructor(lb: LoadBalancer, settings: Agent.Options) {
    const pools = new Map<string, Pool>()
    super({ ...settings, factory: (origin, options: Pool.Options) => openPool(pools, String(origin), options) })
    this.#pools = pools
    onDeparture(lb, (instance) => {
      // undici counts a request until it has called the handler at its end.
      for (const pool of poolsOf(instance, pools))
        systemClock.setTimeout(() => closeIdle(pool), 0, { background: true })
    })
  }

  poolOf(origin: string): Pool | undefined {
    return this.#pools.get(origin)
  }
}

function openPool(pools: Map<string, Pool>, origin: string, options: Pool.Options): Pool {
  const pool = new Pool(origin, options)
  pools.set(origin, pool)
  // The agent makes a new one when this has no connection left.
  const forget = (): void => {
    if (pool.stats.connected === 0 && pools.get(origin) === pool) pools.delete(origin)
  }
  return pool.on('disconnect', forget).on('connectionError', forget)
}

/** One with requests in flight would refuse those of an instance that is back; it departs again when they have ended. */
function closeIdle(pool: Pool): void {
  if (pool.stats.size === 0) pool.close().catch(() => {})
}

function poolsOf(instance: ServiceInstance, pools: ReadonlyMap<string, Pool>): Pool[] {
  return [false, true].flatMap((secure) => pools.get(instanceOrigin(instance, secure)) ?? [])
}
