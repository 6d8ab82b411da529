import type { LoadBalancer, ServiceSnapshot } from '../../src/index.ts'
import type { RandomOptions } from './random-options.ts'
import { type BalancerWatch, boom } from './watched-balancer.ts'

const unlimited = Number.POSITIVE_INFINITY

/** In flight, queued and budgeted: within the limits, and what the balancers were told. */
export function wrongCounts(
  { inFlight, queued, instances, retryBudget }: ServiceSnapshot,
  { maxInFlight = unlimited, maxInFlightPerInstance = unlimited, queue }: RandomOptions,
  watch: BalancerWatch | undefined,
): string[] {
  const wrong: string[] = []
  if (maxInFlight !== 'adaptive' && inFlight > maxInFlight) wrong.push(`${inFlight} in flight`)
  if (queued > 0 && queue === false) wrong.push(`${queued} wait without a queue`)
  if (retryBudget !== undefined && !(retryBudget >= 0)) wrong.push(`a budget of ${retryBudget}`)
  let sum = 0
  // An id may be there twice: at its address, and draining at the one before.
  const byId = new Map<string, number>()
  for (const { instance, inFlight: own } of instances) {
    sum += own
    byId.set(instance.id, own + (byId.get(instance.id) ?? 0))
    const isOver = maxInFlightPerInstance !== 'adaptive' && own > maxInFlightPerInstance
    if (isOver || own < 0) wrong.push(`${own} in flight on ${instance.id}`)
  }
  for (const [id, own] of byId) {
    const told = watch?.inFlight(id) ?? own
    if (own !== told) wrong.push(`${id} has ${own} in flight, not ${told}`)
  }
  if (sum !== inFlight) wrong.push(`${inFlight} in flight, and ${sum} on the instances`)
  return wrong
}

/** Instances that count as gone from the registry, and are in its list. */
export function wronglyKept({ instances, status }: ServiceSnapshot, hosts: ReadonlyMap<string, string>): string[] {
  if (status !== 'fresh') return []
  const kept = instances.filter(({ reason }) => reason.startsWith('gone from the registry'))
  return kept
    .filter(({ instance }) => hosts.has(instance.id))
    .map(({ instance }) => `${instance.id} is kept, and listed`)
}

/** What is picked now is a candidate; nothing is picked only when there is none. */
export function wrongPick(lb: LoadBalancer, service: string): string[] {
  let picked: string
  try {
    picked = lb.pick(service).id
  } catch (error) {
    if (error === boom) return []
    picked = (error as Error).message
  }
  const { instances, status } = lb.inspect(service)
  // A first list that a balancer does not take is not known.
  if (status === 'waiting') return []
  const candidates = instances.filter(({ candidate }) => candidate)
  const isRight = picked.includes('no available instance')
    ? candidates.length === 0
    : candidates.some(({ instance }) => instance.id === picked)
  const ids = candidates.map(({ instance }) => instance.id)
  return isRight ? [] : [`a listener picks ${picked} of ${ids.join()}`]
}
