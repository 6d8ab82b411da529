import {
  type BalancerName,
  GroupedBalancer,
  LoadBalancer,
  RandomBalancer,
  RoundRobinBalancer,
  type ServiceInstance,
  SharedCounter,
  SmoothWeightedRoundRobinBalancer,
  StaticDiscovery,
} from '@lb/core'
import { type Contender, instancesOf, type Run } from './contender.ts'

const service = 'user-service'

export const lbRoundRobin: Contender = {
  name: 'lb RoundRobinBalancer',
  open(count) {
    const balancer = new RoundRobinBalancer()
    balancer.update(instancesOf(count, 'equal'))
    return { run: (picks) => pickRoundRobin(balancer, picks) }
  },
}

function pickRoundRobin(balancer: RoundRobinBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick() === undefined) missing++
  return missing
}

export const lbSharedRoundRobin: Contender = {
  name: 'lb RoundRobinBalancer, SharedCounter',
  open(count) {
    const balancer = new RoundRobinBalancer({ counter: new SharedCounter() })
    balancer.update(instancesOf(count, 'equal'))
    return { run: (picks) => pickShared(balancer, picks) }
  },
}

function pickShared(balancer: RoundRobinBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick() === undefined) missing++
  return missing
}

export const lbSmoothWeighted: Contender = {
  name: 'lb SmoothWeightedRoundRobinBalancer',
  open(count) {
    const instances = instancesOf(count, 'weighted')
    const balancer = new SmoothWeightedRoundRobinBalancer()
    balancer.update(instances)
    pickSmoothWeighted(balancer, recordingPicks(instances))
    return { run: (picks) => pickSmoothWeighted(balancer, picks) }
  },
}

function pickSmoothWeighted(balancer: SmoothWeightedRoundRobinBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick() === undefined) missing++
  return missing
}

function cycleOf(instances: readonly ServiceInstance[]): number {
  return instances.reduce((sum, { weight }) => sum + weight, 0)
}

/** Picks until a fresh balancer replays its cycle: it records the first, or when that did not close, the second. */
function recordingPicks(instances: readonly ServiceInstance[]): number {
  return 2 * cycleOf(instances) + 1
}

/** Most fresh balancers at once, which bounds the memory, and most picks of one, which bounds the time. */
const maxFresh = 20_000
const maxFirstPicks = 2_000

export const lbRecordingSmoothWeighted: Contender = {
  name: 'lb SmoothWeightedRoundRobinBalancer, first cycle (O(n))',
  open(count) {
    const instances = instancesOf(count, 'weighted')
    const firstPicks = Math.min(cycleOf(instances), maxFirstPicks)
    let fresh: SmoothWeightedRoundRobinBalancer[] = []
    return {
      maxPicks: maxFresh * firstPicks,
      prepare(picks) {
        fresh = Array.from({ length: Math.ceil(picks / firstPicks) }, () => {
          const balancer = new SmoothWeightedRoundRobinBalancer()
          balancer.update(instances)
          return balancer
        })
      },
      run: (picks) => pickRecording(fresh, firstPicks, picks),
    }
  },
}

function pickRecording(fresh: readonly SmoothWeightedRoundRobinBalancer[], firstPicks: number, picks: number): number {
  let missing = 0
  let left = picks
  for (const balancer of fresh) {
    const turns = Math.min(left, firstPicks)
    for (let i = 0; i < turns; i++) if (balancer.pick() === undefined) missing++
    left -= turns
  }
  return missing + left
}

export const lbGrouped: Contender = {
  name: 'lb GroupedBalancer',
  open(count) {
    const balancer = new GroupedBalancer()
    balancer.update(instancesOf(count, 'weighted'))
    return { run: (picks) => pickGrouped(balancer, picks) }
  },
}

function pickGrouped(balancer: GroupedBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick() === undefined) missing++
  return missing
}

export const lbRandom: Contender = {
  name: 'lb RandomBalancer (weighted)',
  open(count) {
    const balancer = new RandomBalancer()
    balancer.update(instancesOf(count, 'weighted'))
    return { run: (picks) => pickRandom(balancer, picks) }
  },
}

function pickRandom(balancer: RandomBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick() === undefined) missing++
  return missing
}

export const lbRoundRobinService: Contender = {
  name: `lb.pick('${service}'), round robin`,
  async open(count) {
    const lb = await readyLoadBalancer(count, 'round-robin')
    return { run: (picks) => pickServiceRoundRobin(lb, picks), close: () => lb.close() }
  },
}

function pickServiceRoundRobin(lb: LoadBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (lb.pick('user-service') === undefined) missing++
  return missing
}

export const lbSmoothWeightedService: Contender = {
  name: `lb.pick('${service}'), smooth weighted`,
  async open(count): Promise<Run> {
    const lb = await readyLoadBalancer(count, 'smooth-weighted-round-robin')
    pickServiceSmoothWeighted(lb, recordingPicks(lb.inspect(service).instances.map(({ instance }) => instance)))
    return { run: (picks) => pickServiceSmoothWeighted(lb, picks), close: () => lb.close() }
  },
}

function pickServiceSmoothWeighted(lb: LoadBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (lb.pick('user-service') === undefined) missing++
  return missing
}

async function readyLoadBalancer(count: number, balancer: BalancerName): Promise<LoadBalancer> {
  const instances = instancesOf(count, balancer === 'round-robin' ? 'equal' : 'weighted')
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ [service]: instances }), balancer })
  await lb.ready(service)
  return lb
}
