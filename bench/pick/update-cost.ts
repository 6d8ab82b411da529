import {
  type Balancer,
  type BalancerName,
  GroupedBalancer,
  LoadBalancer,
  parseInstance,
  RandomBalancer,
  RoundRobinBalancer,
  type ServiceInstance,
  type ServiceInstanceInit,
  SmoothWeightedRoundRobinBalancer,
  StaticDiscovery,
} from '@lb/core'
import { type Spread, spreadOf } from '../spread.ts'
import { hostOf, weightOf } from './contender.ts'

export interface UpdateCost {
  readonly name: string
  readonly count: number
  /** From the discovery to the balancer, not the balancer alone. */
  readonly isWholePath: boolean
  /** Milliseconds per update. */
  readonly spread: Spread
}

const service = 'user-service'
/** What the whole path cannot do without: nothing tells changes without looking each instance up. */
export const updateFloor = 'floor: new Map by id'

const warmUpUpdates = 6

/** What updates of which each replaces 1 % of `count` instances by others cost. */
export async function measureUpdates(count: number, updates: number): Promise<UpdateCost[]> {
  const weighted = [listOf(count, 0, weightOf), listOf(count, 1, weightOf)] as const
  const equal = [listOf(count, 0, () => 1), listOf(count, 1, () => 1)] as const
  const ofBalancer = (balancer: Balancer, lists: typeof weighted): UpdateCost => {
    const [first, second] = lists.map((list) => list.map((init) => parseInstance(init))) as [
      ServiceInstance[],
      ServiceInstance[],
    ]
    // As the cache of a load balancer does it: survivors stay the same objects.
    const known = new Map(first.map((instance) => [instance.id, instance]))
    const parsed = [first, second.map((instance) => known.get(instance.id) ?? instance)]
    const spread = timeInTurn(parsed, updates, (list) => balancer.update(list))
    return { name: `${balancer.constructor.name}.update`, count, isWholePath: false, spread }
  }
  return [
    ofFloor(equal, updates),
    ofBalancer(new RoundRobinBalancer(), equal),
    ofBalancer(new SmoothWeightedRoundRobinBalancer(), weighted),
    ofBalancer(new GroupedBalancer(), weighted),
    ofBalancer(new RandomBalancer(), weighted),
    await ofWholePath('round-robin', equal, updates),
    await ofWholePath('smooth-weighted-round-robin', weighted, updates),
  ]
}

function ofFloor(lists: readonly (readonly ServiceInstanceInit[])[], updates: number): UpdateCost {
  const parsed = lists.map((list) => list.map((init) => parseInstance(init)))
  let known = new Map<string, ServiceInstance>()
  const spread = timeInTurn(parsed, updates, (list) => {
    known = new Map(list.map((instance) => [instance.id, instance]))
  })
  return { name: updateFloor, count: known.size, isWholePath: false, spread }
}

/** From the discovery to the balancer: parsing, cache, diff, eligibility, what is kept per instance, and the balancer. */
async function ofWholePath(
  balancer: BalancerName,
  lists: readonly (readonly ServiceInstanceInit[])[],
  updates: number,
): Promise<UpdateCost> {
  const discovery = new StaticDiscovery()
  const lb = new LoadBalancer({ discovery, balancer })
  discovery.set(service, lists[1] ?? [])
  await lb.ready(service)
  const spread = timeInTurn(lists, updates, (list) => discovery.set(service, list))
  const count = lb.inspect(service).instances.length
  await lb.close()
  return { name: `StaticDiscovery.set → cache → diff → ${balancer}`, count, isWholePath: true, spread }
}

/** Applies the lists in turn; the times of the first few, while V8 compiles, are not kept. */
function timeInTurn<T>(lists: readonly T[], updates: number, update: (list: T) => void): Spread {
  const times: number[] = []
  for (let done = -warmUpUpdates; done < updates; done++) {
    const start = process.hrtime.bigint()
    update(lists[Math.abs(done) % lists.length] as T)
    if (done >= 0) times.push(Number(process.hrtime.bigint() - start) / 1e6)
  }
  return spreadOf(times)
}

/** Lists of different `edition` differ in every hundredth instance. */
function listOf(count: number, edition: number, weight: (index: number) => number): readonly ServiceInstanceInit[] {
  return Array.from({ length: count }, (_, index) => ({
    host: hostOf(index),
    port: index % 100 === 0 ? 8080 + edition : 8080,
    weight: weight(index),
  }))
}
