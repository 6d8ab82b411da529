import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'

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
 */
export function diffInstances(
  previous: readonly ServiceInstance[],
  next: readonly ServiceInstance[],
): InstancesDiff | undefined {
  const incoming = new Map(next.map((instance) => [instance.id, instance]))
  const instances: ServiceInstance[] = []
  const removed: ServiceInstance[] = []
  const updated: ServiceInstance[] = []
  for (const before of previous) {
    const now = incoming.get(before.id)
    if (now === undefined || !isSameAddress(before, now)) {
      removed.push(before)
      continue
    }
    incoming.delete(before.id)
    if (sameInstance(before, now)) {
      instances.push(before)
    } else {
      instances.push(now)
      updated.push(now)
    }
  }
  const added = [...incoming.values()]
  if (added.length === 0 && removed.length === 0 && updated.length === 0) return undefined
  return { instances: instances.concat(added), added, removed, updated }
}

function sameInstance(left: ServiceInstance, right: ServiceInstance): boolean {
  return (
    left === right ||
    (isSameAddress(left, right) &&
      left.weight === right.weight &&
      left.priority === right.priority &&
      left.zone === right.zone &&
      left.healthy === right.healthy &&
      sameMetadata(left.metadata, right.metadata))
  )
}

function sameMetadata(left: ServiceInstance['metadata'], right: ServiceInstance['metadata']): boolean {
  if (left === right) return true
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key])
}
