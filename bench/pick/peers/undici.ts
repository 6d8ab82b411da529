import { createRequire } from 'node:module'
import { BalancedPool, Client, Pool, RoundRobinPool } from 'undici'
import { type Contender, hostOf } from '../contender.ts'

/** What undici's pools share: the pick is a method under a symbol that the package does not export. */
interface PoolBaseModule {
  readonly kAddClient: unique symbol
  readonly kGetDispatcher: unique symbol
}

const poolBase: PoolBaseModule = createRequire(import.meta.url)('undici/lib/dispatcher/pool-base.js')
const kAddClient: typeof poolBase.kAddClient = poolBase.kAddClient
const kGetDispatcher: typeof poolBase.kGetDispatcher = poolBase.kGetDispatcher

type Picking = object & {
  [kAddClient](client: object): unknown
  [kGetDispatcher](): object | undefined
}

/** Real pools of `count` upstreams, none of which is connected. */
export const undiciBalancedPool: Contender = {
  name: 'undici BalancedPool',
  open(count) {
    const pool = new BalancedPool([]) as unknown as BalancedPool & Picking
    // `addUpstream` looks at every upstream there is; only the last one goes through it, and gives all their weight.
    for (let index = 1; index < count; index++) pool[kAddClient](new Pool(originOf(index)))
    pool.addUpstream(originOf(0))
    return { run: (picks) => pickUpstream(pool, picks), close: () => pool.close() }
  },
}

function pickUpstream(pool: Picking, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (pool[kGetDispatcher]() === undefined) missing++
  return missing
}

/** Goes round the connections of one origin rather than round instances; the closest thing undici has. */
export const undiciRoundRobinPool: Contender = {
  name: 'undici RoundRobinPool',
  open(count) {
    const pool = new RoundRobinPool(originOf(0)) as unknown as RoundRobinPool & Picking
    for (let index = 0; index < count; index++) pool[kAddClient](new Client(originOf(0)))
    return { run: (picks) => pickConnection(pool, picks), close: () => pool.close() }
  },
}

function pickConnection(pool: Picking, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (pool[kGetDispatcher]() === undefined) missing++
  return missing
}

function originOf(index: number): string {
  return `http://${hostOf(index)}:8080`
}
