import type { ServiceInstance } from '../instance.ts'

/**
 * What an instance is used for:
 * - `available`: a candidate, the balancer may pick it
 * - `standby`: usable, but a lower priority number is in use
 * - `drained`: weight 0, takes no new traffic
 * - `unhealthy`: the registry says so
 */
export type Eligibility = 'available' | 'standby' | 'drained' | 'unhealthy'

export interface EligibilityResult {
  /** Whom the balancer may pick, in list order. */
  readonly candidates: readonly ServiceInstance[]
  /** One for each given instance, in the same order. */
  readonly verdicts: readonly Eligibility[]
}

/**
 * Turns facts about instances into candidates: those with a weight that are not known to be unhealthy, of the lowest
 * priority number that has any (RFC 2782).
 */
export function judgeEligibility(instances: readonly ServiceInstance[]): EligibilityResult {
  let level = Number.POSITIVE_INFINITY
  for (const instance of instances) {
    if (instance.priority < level && isUsable(instance)) level = instance.priority
  }
  const candidates: ServiceInstance[] = []
  const verdicts = instances.map((instance): Eligibility => {
    if (instance.weight === 0) return 'drained'
    if (instance.healthy === false) return 'unhealthy'
    if (instance.priority !== level) return 'standby'
    candidates.push(instance)
    return 'available'
  })
  return { candidates, verdicts }
}

function isUsable(instance: ServiceInstance): boolean {
  return instance.weight > 0 && instance.healthy !== false
}
