import { nearestName } from '../nearest-name.ts'
import { rejectOption } from '../options.ts'
import type { Random } from '../random.ts'
import type { Balancer } from './balancer.ts'
import { GroupedBalancer } from './grouped.ts'
import { RandomBalancer } from './random.ts'
import { RoundRobinBalancer } from './round-robin.ts'
import { SmoothWeightedRoundRobinBalancer } from './smooth-weighted-round-robin.ts'

/** The balancers that a service can ask for by name, with their defaults. */
export type BalancerName = 'round-robin' | 'smooth-weighted-round-robin' | 'grouped' | 'random'

const constructors: Readonly<Record<BalancerName, new (options: { random: Random }) => Balancer>> = {
  'round-robin': RoundRobinBalancer,
  'smooth-weighted-round-robin': SmoothWeightedRoundRobinBalancer,
  grouped: GroupedBalancer,
  random: RandomBalancer,
}

/** Throws unless `name` is one of the names. */
export function checkBalancerName(path: string, name: string): asserts name is BalancerName {
  if (Object.hasOwn(constructors, name)) return
  const names = Object.keys(constructors)
  const nearest = nearestName(name, names)
  rejectOption(
    path,
    `one of ${names.join(', ')}, or a function that gives a Balancer`,
    name,
    nearest === undefined ? undefined : `Did you mean ${nearest}?`,
  )
}

export function balancerByName(name: BalancerName, random: Random): Balancer {
  return new constructors[name]({ random })
}
