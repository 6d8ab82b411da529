import type { PickRequest } from './balancer/balancer.ts'
import type { Clock } from './clock.ts'
import { type SlowStartPolicy, slowStartFactor } from './health/slow-start.ts'
import type { ServiceInstance } from './instance.ts'
import type { InstanceRecord } from './instance-record.ts'
import type { InstanceRoster } from './instance-roster.ts'
import type { Random } from './random.ts'
import type { TrafficRoute } from './traffic-split.ts'

/** The part of its share that an instance takes now: 1 when it is warm. */
export function warmth(record: InstanceRecord, policy: SlowStartPolicy | undefined, nowMs: number): number {
  const { warmingSinceMs } = record
  if (policy === undefined || Number.isNaN(warmingSinceMs)) return 1
  return slowStartFactor(nowMs - warmingSinceMs, policy)
}

export interface WarmPickOptions {
  readonly clock: Clock
  readonly random: Random
  readonly roster: Pick<InstanceRoster, 'records' | 'warming' | 'warmed'>
  readonly settings: { readonly slowStart: SlowStartPolicy | undefined }
}

/** Picks that an instance in its slow start gives away before it takes one all the same. */
const maxPasses = 4

/**
 * Picks from `route` while instances are in their slow start: a pick of one of them counts with the probability of its
 * warmth ÷ the mean warmth, else another is picked. Its share is then that of its weight × warmth among the others'. So it works with every balancer, also with those that ignore weights, and a schedule
 * is not rebuilt at each step of the warming. The first request is always taken: nobody waits out the window in vain.
 */
export function pickWarm(
  route: TrafficRoute,
  request: PickRequest | undefined,
  { clock, random, roster, settings: { slowStart } }: WarmPickOptions,
): ServiceInstance | undefined {
  const now = clock.now()
  const mean = meanWarmth(route, roster, slowStart, now)
  let picked = route.balancer.pick(request)
  let avoid: Set<string> | undefined
  for (let pass = 0; pass < maxPasses && picked !== undefined; pass++) {
    const record = roster.records.get(picked.id)
    if (record === undefined || record.warmingRequests === 0 || !roster.warming.has(record)) return picked
    const factor = warmth(record, slowStart, now)
    if (factor >= 1) roster.warmed(record)
    if (factor >= mean || random() < factor / mean) return picked
    avoid ??= new Set(request?.avoid)
    avoid.add(picked.id)
    const other = route.balancer.pick({ ...request, avoid })
    if (other === undefined || avoid.has(other.id)) return picked
    picked = other
  }
  return picked
}

/** Of the candidates, by weight: what warmth is relative to, so that those that are all alike share evenly. */
function meanWarmth(
  { totalWeight }: TrafficRoute,
  { warming }: WarmPickOptions['roster'],
  policy: SlowStartPolicy | undefined,
  nowMs: number,
): number {
  let missing = 0
  for (const record of warming) {
    if (record.isCandidate) missing += record.candidate.weight * (1 - warmth(record, policy, nowMs))
  }
  return totalWeight > 0 ? Math.max(0, 1 - missing / totalWeight) : 1
}
