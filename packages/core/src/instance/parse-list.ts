import { describes, isSameInstance, parseInstance, type ServiceInstance, type ServiceInstanceInit } from './instance.ts'
import { listDifferences } from './list-differences.ts'

/** What becomes of the elements of a list that cannot be used. Both may throw. */
export interface ListProblems {
  /** `parseInstance` refused the element, or it threw when it was read. */
  readonly unusable: (error: unknown, index: number) => void
  /** One before it has the same id; `index`: among the usable elements. */
  readonly duplicate: (instance: ServiceInstance, index: number) => void
}

/**
 * Parses `list`, of which any element may be anything. An instance that is as it was in `before`, where every id occurs once, is the
 * same object as there; if nothing changed, so is the whole list. So a long list costs little beyond what changed in it.
 */
export function parseList(
  list: readonly unknown[],
  before: readonly ServiceInstance[],
  problems: ListProblems,
): readonly ServiceInstance[] {
  const { gone, fresh } = listDifferences(before, list, describes)
  if (gone.length === 0 && fresh.length === 0) return before
  const missed = new Map<string, ServiceInstance>()
  for (const place of gone) {
    const instance = before[place] as ServiceInstance
    missed.set(instance.id, instance)
  }
  const ids = new Set<string>()
  const parsed = fresh.map((index) => {
    try {
      // Unchecked so far: `parseInstance` looks at every field.
      const instance = parseInstance(list[index] as ServiceInstanceInit)
      const known = missed.get(instance.id)
      const own = known !== undefined && isSameInstance(known, instance) ? known : instance
      ids.add(own.id)
      return own
    } catch (error) {
      problems.unusable(error, index)
      return undefined
    }
  })
  const usable = parsed.filter((instance) => instance !== undefined)
  const instances = fresh.length === list.length ? usable : merged(list.length, before, { gone, fresh }, parsed)
  const areDistinct = ids.size === usable.length && (instances === usable || !someMet(before, ids, missed))
  return areDistinct ? instances : firstById(instances, before, problems)
}

/** The elements in the order of the list: those of `before` that were met, and between them the others. */
function merged(
  length: number,
  before: readonly ServiceInstance[],
  { gone, fresh }: ReturnType<typeof listDifferences>,
  parsed: readonly (ServiceInstance | undefined)[],
): ServiceInstance[] {
  // A copy that is written over: what grows element by element is copied many times.
  const instances = before.slice()
  let [place, skipped, taken, count] = [0, 0, 0, 0]
  for (let index = 0; index < length; index++) {
    if (fresh[taken] === index) {
      const instance = parsed[taken++]
      if (instance !== undefined) instances[count++] = instance
      continue
    }
    for (; gone[skipped] === place; skipped++) place++
    instances[count++] = before[place++] as ServiceInstance
  }
  instances.length = count
  return instances
}

/** Whether an instance that was met has one of `ids`. */
function someMet(
  before: readonly ServiceInstance[],
  ids: ReadonlySet<string>,
  missed: ReadonlyMap<string, ServiceInstance>,
): boolean {
  if (ids.size > 0) for (const { id } of before) if (ids.has(id) && !missed.has(id)) return true
  return false
}

function firstById(
  instances: readonly ServiceInstance[],
  before: readonly ServiceInstance[],
  { duplicate }: ListProblems,
): readonly ServiceInstance[] {
  const knownById = new Map(before.map((instance) => [instance.id, instance]))
  const byId = new Map<string, ServiceInstance>()
  for (const [index, instance] of instances.entries()) {
    const { id } = instance
    const known = knownById.get(id)
    if (byId.has(id)) duplicate(instance, index)
    else byId.set(id, known !== undefined && isSameInstance(known, instance) ? known : instance)
  }
  return [...byId.values()]
}
