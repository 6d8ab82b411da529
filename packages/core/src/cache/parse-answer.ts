import { DiscoveryError, InvalidInstanceError } from '../base/errors.ts'
import { shown } from '../base/option-checks.ts'
import { type InstanceList, maxRejected, nothingUsable, rejection } from '../discovery/instance-list.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import { parseList } from '../instance/parse-list.ts'

/**
 * Checks what a discovery gave, and what it rejected itself. An unusable instance is left out; an answer that is no list, or in which
 * nothing is usable, is an error: it must not replace a good list. Instances that are as they were `before` are the same objects.
 *
 * @throws DiscoveryError
 */
export function parseAnswer(
  service: string,
  answer: unknown,
  rejectedByDiscovery?: unknown,
  before: readonly ServiceInstance[] = [],
): InstanceList {
  if (!Array.isArray(answer)) {
    throw new DiscoveryError(`${service}: the discovery must give an array of instances, got ${shown(answer)}`, {
      service,
    })
  }
  const rejected: InvalidInstanceError[] = []
  const reject = (error: InvalidInstanceError): void => {
    if (rejected.length < maxRejected) rejected.push(withService(service, error))
  }
  const instances = parseList(answer, before, {
    unusable: (error) => reject(error instanceof InvalidInstanceError ? error : rejection('an instance', error)),
    duplicate: (instance) => reject(duplicate(instance)),
  })
  if (Array.isArray(rejectedByDiscovery)) {
    for (const error of rejectedByDiscovery) if (error instanceof InvalidInstanceError) reject(error)
  }
  if (instances.length === 0 && rejected.length > 0) throw nothingUsable(service, answer.length, rejected)
  return { instances, rejected }
}

function withService(service: string, error: InvalidInstanceError): InvalidInstanceError {
  if (error.service !== undefined) return error
  return new InvalidInstanceError(error.field, error.message, { service, cause: error.cause })
}

function duplicate(instance: ServiceInstance): InvalidInstanceError {
  return new InvalidInstanceError(
    'id',
    `id of an instance must be unique within its service, ${shown(instance.id)} occurs twice; the first is used`,
  )
}
