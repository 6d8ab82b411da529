import { DiscoveryError, InvalidInstanceError } from '../../base/errors.ts'
import { shown } from '../../base/option-checks.ts'
import { parseInstance, type ServiceInstance, type ServiceInstanceInit } from '../../instance/instance.ts'
import { type InstanceList, maxRejected, nothingUsable } from '../instance-list.ts'

/** What comes with the list of a member. */
interface MemberListDetails extends Partial<Omit<InstanceList, 'instances'>> {
  readonly priorityOffset?: number
}

/**
 * Parses what a member gave. What is no list, or has nothing that can be used, is a failure of the member and no empty list.
 *
 * @throws DiscoveryError
 */
export function parseMemberList(
  service: string,
  answer: unknown,
  { rejected: before = [], sample, priorityOffset = 0 }: MemberListDetails = {},
): InstanceList {
  if (!Array.isArray(answer)) {
    throw new DiscoveryError(`${service}: must give an array of instances, got ${shown(answer)}`, { service })
  }
  const instances: ServiceInstance[] = []
  const rejected: InvalidInstanceError[] = []
  for (const init of answer as readonly ServiceInstanceInit[]) {
    try {
      instances.push(withOffset(parseInstance(init), priorityOffset))
    } catch (error) {
      if (!(error instanceof InvalidInstanceError)) throw error
      if (rejected.length < maxRejected) rejected.push(error)
    }
  }
  for (const error of before) if (rejected.length < maxRejected) rejected.push(error)
  if (instances.length === 0 && rejected.length > 0) throw nothingUsable(service, answer.length, rejected)
  return { instances, rejected, sample }
}

function withOffset(instance: ServiceInstance, priorityOffset: number): ServiceInstance {
  if (priorityOffset === 0) return instance
  return parseInstance({ ...instance, priority: instance.priority + priorityOffset })
}

export function isEmpty({ instances }: InstanceList): boolean {
  return instances.length === 0
}

/**
 * All instances of all lists. Two members that name the same id, or the same address, mean the same instance: what the
 * earlier one says of it counts.
 */
export function unite(lists: readonly InstanceList[]): InstanceList {
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
  return { instances, rejected: lists.flatMap(({ rejected }) => rejected), sample: slowest(lists) }
}

/** What is missing from the union may come with the next list of any member. */
function slowest(lists: readonly InstanceList[]): InstanceList['sample'] {
  const samples = lists.flatMap(({ sample }) => sample ?? [])
  return samples.sort((left, right) => right.ttlMs - left.ttlMs)[0]
}

function addressOf({ host, port }: ServiceInstance): string {
  return `${host.toLowerCase()} ${port}`
}
