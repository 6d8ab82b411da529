import type { ServiceInstance } from '../instance/instance.ts'
import { listDifferences } from '../instance/list-differences.ts'
import { distinctById } from './balancer.ts'

/** A new list of candidates beside the one before. */
export interface CandidateOrigins {
  /** The new list, in which every id occurs once. A copy. */
  readonly candidates: readonly ServiceInstance[]
  /** For each of them where the one with its id stood before; −1 for a newcomer. */
  readonly origins: Int32Array
  readonly joined: readonly ServiceInstance[]
  readonly gone: ReadonlySet<ServiceInstance>
  /** What takes the place of one of which a field changed. */
  readonly changed: ReadonlyMap<ServiceInstance, ServiceInstance>
}

/**
 * Finds the candidates of `before`, in which every id occurs once, in `candidates`. Only what does not stand in both in the same order
 * is hashed, which is what makes a change of a long list cheap.
 */
export function candidateOrigins(
  before: readonly ServiceInstance[],
  candidates: readonly ServiceInstance[],
): CandidateOrigins {
  const { gone, fresh } = listDifferences(before, candidates, hasSameId)
  const missed = new Map<string, number>()
  for (const place of gone) missed.set((before[place] as ServiceInstance).id, place)
  const ids = new Set<string>()
  const places = fresh.map((index) => {
    const { id } = candidates[index] as ServiceInstance
    ids.add(id)
    return missed.get(id) ?? -1
  })
  if (ids.size < fresh.length || isAmongTheMet(before, ids, missed))
    return candidateOrigins(before, distinctById(candidates))
  for (const id of ids) missed.delete(id)
  const origins = new Int32Array(candidates.length)
  let [place, skipped, taken] = [0, 0, 0]
  for (let index = 0; index < origins.length; index++) {
    if (fresh[taken] === index) origins[index] = places[taken++] ?? -1
    else {
      for (; gone[skipped] === place; skipped++) place++
      origins[index] = place++
    }
  }
  const left = Array.from(missed.values(), (each) => before[each] as ServiceInstance)
  return { candidates: [...candidates], origins, gone: new Set(left), ...newOnes(before, candidates, origins) }
}

function newOnes(
  before: readonly ServiceInstance[],
  candidates: readonly ServiceInstance[],
  origins: Int32Array,
): Pick<CandidateOrigins, 'joined' | 'changed'> {
  const joined: ServiceInstance[] = []
  const changed = new Map<ServiceInstance, ServiceInstance>()
  for (let index = 0; index < origins.length; index++) {
    const candidate = candidates[index] as ServiceInstance
    const known = before[origins[index] ?? -1]
    if (known === undefined) joined.push(candidate)
    else if (known !== candidate) changed.set(known, candidate)
  }
  return { joined, changed }
}

function hasSameId(one: ServiceInstance, other: ServiceInstance): boolean {
  return one === other || one.id === other.id
}

/** Whether a candidate that was met has one of `ids` as well. */
function isAmongTheMet(
  before: readonly ServiceInstance[],
  ids: ReadonlySet<string>,
  missed: ReadonlyMap<string, number>,
): boolean {
  if (ids.size > 0) for (const { id } of before) if (ids.has(id) && !missed.has(id)) return true
  return false
}
