import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'

/** What a caller may say about a pick. */
export interface PickRequest {
  /** Requests with the same key go to the same instance, with a balancer that hashes. */
  readonly hashKey?: string | undefined
  /** Ids to pass over: a preference, never a reason to return nothing. */
  readonly avoid?: ReadonlySet<string> | undefined
}

/**
 * Chooses one of the candidates. It knows nothing of discovery and nothing of health: whoever is in the list
 * may be picked.
 *
 * - State (position, credit, load) is kept under `instance.id`: an update keeps that of the survivors, newcomers
 *   start neutral, that of the others is forgotten. An identical list changes nothing. What was learnt of an instance
 *   (load, latency) is that of its address, too: with the same id at another address it is a newcomer.
 * - A first list is used in its order; who joins later has no place of its own. An id that occurs twice counts once, the
 *   first time.
 * - Weights are shares. Weight 0 among positive ones is never picked; when all are 0 they count as equal.
 * - A fresh balancer starts at a random phase, and newcomers are placed at random, so that many processes do not march
 *   in step, nor all come to a batch of newcomers at once.
 */
export interface Balancer {
  /** Whether `pick` heeds `hashKey`. Absent: that is not known. */
  readonly heedsHashKey?: boolean | undefined
  /** Whether it heeds weights. Absent: that is not known. */
  readonly heedsWeights?: boolean | undefined
  /** Replaces the candidates. Rare; may allocate; does not keep the array. */
  update(candidates: readonly ServiceInstance[]): void
  /** Hot: allocates nothing. `undefined` only when there is no candidate. */
  pick(request?: PickRequest): ServiceInstance | undefined
  /** A request starts on `instance`. For balancers that look at load. */
  started?(instance: ServiceInstance): void
  /** A request on `instance` ended. Called exactly once for each `started`. */
  finished?(instance: ServiceInstance, outcome: Outcome): void
}

/** `candidates` as a fresh array in which every id occurs once. */
export function distinctById(candidates: readonly ServiceInstance[]): ServiceInstance[] {
  const ids = new Set<string>()
  const distinct: ServiceInstance[] = []
  for (const candidate of candidates) {
    if (ids.has(candidate.id)) continue
    ids.add(candidate.id)
    distinct.push(candidate)
  }
  return distinct
}
