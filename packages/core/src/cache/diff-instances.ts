import { isSameAddress, isSameInstance, type ServiceInstance } from '../instance/instance.ts'
import { listDifferences } from '../instance/list-differences.ts'

/** What a new list changes. */
export interface InstancesDiff {
  /** The list from now on. Survivors keep their place and, unless a field changed, their identity. */
  readonly instances: readonly ServiceInstance[]
  readonly added: readonly ServiceInstance[]
  readonly removed: readonly ServiceInstance[]
  /** Survivors of which a field other than the address changed, as they are now. */
  readonly updated: readonly ServiceInstance[]
}

/**
 * Compares two lists by id and address. The order of `next` carries no meaning (DNS shuffles it with every answer):
 * survivors stay where they are and newcomers are appended. An instance whose id stays but whose address changes is a
 * new one: it is both `added` and, as it was, `removed`. `undefined` when nothing changed.
 *
 * `ordered`: the same objects as `previous`, in an order that is more like that of `next`: what stands in both lists in
 * the same order is not hashed.
 */
export function diffInstances(
  previous: readonly ServiceInstance[],
  next: readonly ServiceInstance[],
  ordered: readonly ServiceInstance[] = previous,
): InstancesDiff | undefined {
  if (next === ordered) return undefined
  const { gone, fresh } = listDifferences(ordered, next, isIdentical)
  const incoming = new Map<string, ServiceInstance>()
  for (const index of fresh) {
    const instance = next[index] as ServiceInstance
    incoming.set(instance.id, instance)
  }
  /** What takes the place of an instance; `undefined`: it is gone. */
  const changes = new Map<ServiceInstance, ServiceInstance | undefined>()
  for (const place of gone) {
    const before = ordered[place] as ServiceInstance
    const now = incoming.get(before.id)
    const stays = now !== undefined && isSameAddress(before, now)
    if (stays) incoming.delete(before.id)
    if (!stays || !isSameInstance(before, now)) changes.set(before, stays ? now : undefined)
  }
  const added = [...incoming.values()]
  return added.length === 0 && changes.size === 0 ? undefined : changed(previous, changes, added)
}

function isIdentical(one: ServiceInstance, other: ServiceInstance): boolean {
  return one === other
}

function changed(
  previous: readonly ServiceInstance[],
  changes: ReadonlyMap<ServiceInstance, ServiceInstance | undefined>,
  added: readonly ServiceInstance[],
): InstancesDiff {
  const removed: ServiceInstance[] = []
  const updated: ServiceInstance[] = []
  // A copy that is written over: what grows element by element is copied many times.
  const instances = previous.slice()
  let count = 0
  for (const before of previous) {
    const isChanged = changes.has(before)
    const now = isChanged ? changes.get(before) : before
    if (now === undefined) removed.push(before)
    else {
      instances[count++] = now
      if (isChanged) updated.push(now)
    }
  }
  instances.length = count
  return { instances: added.length === 0 ? instances : instances.concat(added), added, removed, updated }
}
