import { DiscoveryError, InvalidInstanceError } from '../../base/errors.ts'
import { shown } from '../../base/option-checks.ts'
import { parseInstance, type ServiceInstance, type ServiceInstanceInit } from '../../instance/instance.ts'

/** What a member said last. */
export interface MemberList {
  readonly instances: readonly ServiceInstance[]
  /** Passed on as they came: whoever keeps the list says what is wrong with them. */
  readonly unusable: readonly ServiceInstanceInit[]
}

/**
 * Tells a list from nonsense, which is a failure of whoever gave it and no reason to believe that there are no instances.
 *
 * @throws DiscoveryError
 */
export function parseMemberList(service: string, answer: unknown, priorityOffset = 0): MemberList {
  if (!Array.isArray(answer)) {
    throw new DiscoveryError(`${service}: must give an array of instances, got ${shown(answer)}`, { service })
  }
  const instances: ServiceInstance[] = []
  const unusable: ServiceInstanceInit[] = []
  let firstError: InvalidInstanceError | undefined
  for (const init of answer as readonly ServiceInstanceInit[]) {
    try {
      instances.push(withOffset(parseInstance(init), priorityOffset))
    } catch (error) {
      if (!(error instanceof InvalidInstanceError)) throw error
      unusable.push(init)
      firstError ??= error
    }
  }
  if (instances.length === 0 && firstError !== undefined) {
    throw new DiscoveryError(`${service}: none of ${answer.length} instances is usable. ${firstError.message}`, {
      service,
      cause: firstError,
    })
  }
  return { instances, unusable }
}

function withOffset(instance: ServiceInstance, priorityOffset: number): ServiceInstance {
  if (priorityOffset === 0) return instance
  return parseInstance({ ...instance, priority: instance.priority + priorityOffset })
}

export function isEmpty({ instances }: MemberList): boolean {
  return instances.length === 0
}

/**
 * All instances of all lists. Two members that name the same id, or the same address, mean the same instance: what the
 * earlier one says of it counts.
 */
export function unite(lists: readonly MemberList[]): MemberList {
  const ids = new Set<string>()
  const addresses = new Set<string>()
  const instances: ServiceInstance[] = []
  for (const list of lists) {
    // A member may have two instances at one address; that is its own business.
    const own = list.instances.filter((instance) => !addresses.has(addressOf(instance)))
    for (const instance of own) {
      if (ids.has(instance.id)) continue
      ids.add(instance.id)
      addresses.add(addressOf(instance))
      instances.push(instance)
    }
  }
  return { instances, unusable: lists.flatMap(({ unusable }) => unusable) }
}

function addressOf({ host, port }: ServiceInstance): string {
  return `${host.toLowerCase()} ${port}`
}
