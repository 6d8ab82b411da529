import type { Clock } from '../base/clock.ts'
import { nearestName } from '../base/nearest-name.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { Random } from '../base/random.ts'
import type { Balancer } from './balancer.ts'
import { type BalancerName, balancerNames } from './balancer-name.ts'
import { GroupedBalancer } from './grouped.ts'
import { MaglevBalancer } from './hashing/maglev.ts'
import { RingHashBalancer } from './hashing/ring-hash.ts'
import { LeastRequestBalancer } from './load-aware/least-request.ts'
import { PeakEwmaBalancer } from './load-aware/peak-ewma.ts'
import type { ProbingOptions } from './probing/options.ts'
import { ProbingBalancer, type ProbingState } from './probing/probing.ts'
import { RandomBalancer } from './random.ts'
import { RoundRobinBalancer } from './round-robin.ts'
import { SmoothWeightedRoundRobinBalancer } from './smooth-weighted/smooth-weighted-round-robin.ts'

/** The random source and the clock of a balancer, and what one that probes needs. */
interface BalancerSources {
  readonly random: Random
  readonly clock: Clock
  readonly probing?: ProbingOptions | undefined
  readonly onProbing?: ((state: ProbingState) => void) | undefined
}

const makers: Readonly<Record<BalancerName, (sources: BalancerSources) => Balancer>> = {
  'round-robin': ({ random }) => new RoundRobinBalancer({ random }),
  'smooth-weighted-round-robin': ({ random }) => new SmoothWeightedRoundRobinBalancer({ random }),
  grouped: ({ random }) => new GroupedBalancer({ random }),
  random: ({ random }) => new RandomBalancer({ random }),
  'least-request': ({ random }) => new LeastRequestBalancer({ random }),
  'peak-ewma': ({ random, clock }) => new PeakEwmaBalancer({ random, clock }),
  probing: ({ random, clock, probing, onProbing }) =>
    new ProbingBalancer({ ...probing, random, clock, onChange: onProbing }),
  'ring-hash': ({ random }) => new RingHashBalancer({ random }),
  maglev: ({ random }) => new MaglevBalancer({ random }),
}

/** Throws unless `name` is one of the names. */
export function checkBalancerName(path: string, name: string): asserts name is BalancerName {
  if (Object.hasOwn(makers, name)) return
  const nearest = nearestName(name, balancerNames)
  rejectOption(
    path,
    `one of ${balancerNames.join(', ')}, or a function that gives a Balancer`,
    name,
    nearest === undefined ? undefined : `Did you mean ${nearest}?`,
  )
}

export function balancerByName(name: BalancerName, sources: BalancerSources): Balancer {
  return makers[name](sources)
}
