import type { ServiceInstance } from '../instance/instance.ts'
import { distinctById } from './balancer.ts'

/** A new list of candidates beside the one before. */
export interface CandidateOrigins {
  /** The new list, in which every id occurs once. A copy. */
  readonly candidates: readonly ServiceInstance[]
  /** For each of them where the one with its id stood before; −1 for a newcomer. */
  readonly origins: readonly number[]
}

/** How many in a row may have been removed and still be walked past. */
const lookAhead = 64

/**
 * Finds the candidates of `before`, in which every id occurs once, in `candidates`. Most of a long list stays as it is, in the same order: they
 * are walked past side by side, and only the rest is hashed, which is what makes a change of a long list cheap.
 */
export function candidateOrigins(
  before: readonly ServiceInstance[],
  candidates: readonly ServiceInstance[],
): CandidateOrigins {
  /** Where those stood that were not met on the way. */
  const missed = new Map<string, number>()
  const origins: number[] = []
  const unmet: number[] = []
  let next = 0
  for (const [index, candidate] of candidates.entries()) {
    const place = indexWithin(before, candidate, next)
    origins.push(place)
    if (place === -1) unmet.push(index)
    else {
      for (; next < place; next++) missed.set((before[next] as ServiceInstance).id, next)
      next = place + 1
    }
  }
  for (; next < before.length; next++) missed.set((before[next] as ServiceInstance).id, next)
  const ids = new Set<string>()
  for (const index of unmet) {
    const { id } = candidates[index] as ServiceInstance
    ids.add(id)
    origins[index] = missed.get(id) ?? -1
  }
  if (ids.size === unmet.length && !isAmongTheMet(before, ids, missed)) return { candidates: [...candidates], origins }
  return candidateOrigins(before, distinctById(candidates))
}

function indexWithin(list: readonly ServiceInstance[], instance: ServiceInstance, from: number): number {
  const end = Math.min(list.length, from + lookAhead)
  for (let index = from; index < end; index++) {
    const other = list[index] as ServiceInstance
    if (other === instance || other.id === instance.id) return index
  }
  return -1
}

/** Whether a candidate that was met has one of `ids` as well. */
function isAmongTheMet(
  before: readonly ServiceInstance[],
  ids: ReadonlySet<string>,
  missed: ReadonlyMap<string, number>,
): boolean {
  return ids.size > 0 && before.some(({ id }) => ids.has(id) && !missed.has(id))
}
