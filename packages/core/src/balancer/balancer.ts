import type { ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { Outcome } from '../instance/outcome.ts'

/** What a caller may request of a pick. */
export interface PickRequest {
  /** With a balancer that hashes, requests with the same key go to the same instance. @default undefined: no key */
  readonly hashKey?: string | undefined
  /**
   * Ids to skip. This is a preference: if it covers every candidate, one of them is returned anyway.
   * @default undefined: none
   */
  readonly avoid?: ReadonlySet<string> | undefined
  /**
   * What the metadata of the instance must say, such as `{ version: 'v2' }`. Only the keys in `routing.keys` of the service count; one
   * that is `undefined` says nothing. It is decided before a balancer is asked.
   * @default undefined: every instance will do
   */
  readonly match?: MetadataMatch | undefined
}

/**
 * Chooses one of the candidates. It knows nothing of discovery and health: every candidate may be picked.
 *
 * - State (position, credit, load) is kept under `instance.id`. After an update, the remaining instances keep their
 *   state, new ones start neutral, and the state of the others is dropped. An identical list changes nothing. What was
 *   learnt about an instance (load, latency) also belongs to its address: with the same id at another address, it is a
 *   new instance.
 * - The first list is used in its order; instances that join later have no fixed position. An id that occurs twice
 *   counts once, the first time.
 * - Weights are shares. Weight 0 among positive weights is never picked; if all weights are 0, they count as equal.
 * - A fresh balancer starts at a random phase, and new instances get random positions, so that many processes do not
 *   act in step, nor all reach a batch of new instances at once.
 */
export interface Balancer {
  /** Whether `pick` uses `hashKey`. @default undefined: unknown */
  readonly heedsHashKey?: boolean | undefined
  /** Whether `pick` uses weights. @default undefined: unknown */
  readonly heedsWeights?: boolean | undefined
  /** The groups that it splits the traffic between: those with members, and those that have a share. */
  readonly groups?: readonly string[] | undefined
  /**
   * Replaces the candidates. It is called rarely, may allocate, and does not keep the array. `resting`: instances that are no
   * candidates for now, because an operator drained them, and of which what was learnt is to be kept.
   */
  update(candidates: readonly ServiceInstance[], resting?: readonly ServiceInstance[]): void
  /** The share of its picks that each candidate is to get, by id; together 1. For balancers that split by other than weights or load. */
  wantedShares?(): ReadonlyMap<string, number>
  /** Other shares of its groups from now on; `undefined`: its own. For balancers that have groups. */
  setShares?(shares: Readonly<Record<string, number>> | undefined): void
  /**
   * Called before the first pick of a call, which waits for what it returns; it must end soon, and not reject.
   * `undefined`: there is nothing to wait for. For balancers that ask instances for their load.
   */
  prepare?(): Promise<void> | undefined
  /** Picks an instance, without allocating more than the numbers of `random`. Returns `undefined` only if there is no candidate. */
  pick(request?: PickRequest): ServiceInstance | undefined
  /** A request on `instance` starts. For balancers that use the load. */
  started?(instance: ServiceInstance): void
  /** A request on `instance` has ended. Called exactly once for each `started`. */
  finished?(instance: ServiceInstance, outcome: Outcome): void
  /** Ends what it does in the background. Called when its service is closed. */
  close?(): void
  /** Whether probes decide, and why or why not. For balancers that ask instances for their load. */
  readonly probing?: { readonly active: boolean; readonly reason: string } | undefined
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
