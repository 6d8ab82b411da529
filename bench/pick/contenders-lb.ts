import {
  type BalancerName,
  GroupedBalancer,
  LeastRequestBalancer,
  LoadBalancer,
  MaglevBalancer,
  PeakEwmaBalancer,
  type PickRequest,
  RandomBalancer,
  RingHashBalancer,
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

/** Every instance has a request in flight, so that loads are compared. */
function keepBusy(balancer: LeastRequestBalancer | PeakEwmaBalancer, instances: readonly ServiceInstance[]): void {
  balancer.update(instances)
  for (const [index, instance] of instances.entries()) {
    balancer.started(instance)
    balancer.finished(instance, { ok: true, latencyMs: 5 + (index % 7) })
    balancer.started(instance)
  }
}

export const lbLeastRequest: Contender = {
  name: 'lb LeastRequestBalancer (weighted)',
  open(count) {
    const balancer = new LeastRequestBalancer()
    keepBusy(balancer, instancesOf(count, 'weighted'))
    return { run: (picks) => pickLeastRequest(balancer, picks) }
  },
}

function pickLeastRequest(balancer: LeastRequestBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick() === undefined) missing++
  return missing
}

export const lbPeakEwma: Contender = {
  name: 'lb PeakEwmaBalancer (weighted)',
  open(count) {
    const balancer = new PeakEwmaBalancer()
    keepBusy(balancer, instancesOf(count, 'weighted'))
    return { run: (picks) => pickPeakEwma(balancer, picks) }
  },
}

function pickPeakEwma(balancer: PeakEwmaBalancer, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick() === undefined) missing++
  return missing
}

/** Requests with a key of 13 characters each; a power of two, so that going round costs nothing. */
function keyedRequests(): readonly PickRequest[] {
  return Array.from({ length: 1_024 }, (_, index) => ({ hashKey: `user-${10_000_000 + index * 7_919}` }))
}

export const lbRingHash: Contender = {
  name: 'lb RingHashBalancer (weighted, by key)',
  open(count) {
    const balancer = new RingHashBalancer()
    balancer.update(instancesOf(count, 'weighted'))
    const requests = keyedRequests()
    return { run: (picks) => pickRingHash(balancer, requests, picks) }
  },
}

function pickRingHash(balancer: RingHashBalancer, requests: readonly PickRequest[], picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick(requests[i & 1_023]) === undefined) missing++
  return missing
}

export const lbMaglev: Contender = {
  name: 'lb MaglevBalancer (weighted, by key)',
  open(count) {
    const balancer = new MaglevBalancer()
    balancer.update(instancesOf(count, 'weighted'))
    const requests = keyedRequests()
    return { run: (picks) => pickMaglev(balancer, requests, picks) }
  },
}

function pickMaglev(balancer: MaglevBalancer, requests: readonly PickRequest[], picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (balancer.pick(requests[i & 1_023]) === undefined) missing++
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
