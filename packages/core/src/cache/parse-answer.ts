import { DiscoveryError, InvalidInstanceError } from '../base/errors.ts'
import { shown } from '../base/option-checks.ts'
import { parseInstance, type ServiceInstance } from '../instance/instance.ts'

export interface ParsedAnswer {
  readonly instances: readonly ServiceInstance[]
  /** Why entries were left out: at most ten, so that a broken registry does not flood the listeners. */
  readonly rejected: readonly InvalidInstanceError[]
}

const maxRejectedTold = 10

/**
 * Checks what a discovery gave. An unusable instance is left out; an answer that is no list, or in which nothing is
 * usable, is an error: it must not replace a good list.
 *
 * @throws DiscoveryError
 */
export function parseAnswer(service: string, answer: unknown): ParsedAnswer {
  if (!Array.isArray(answer)) {
    throw new DiscoveryError(`${service}: the discovery must give an array of instances, got ${shown(answer)}`, {
      service,
    })
  }
  const byId = new Map<string, ServiceInstance>()
  const rejected: InvalidInstanceError[] = []
  const reject = (error: InvalidInstanceError): void => {
    if (rejected.length < maxRejectedTold) rejected.push(error)
  }
  for (const init of answer) {
    try {
      const instance = parseInstance(init)
      if (byId.has(instance.id)) reject(duplicate(service, instance))
      else byId.set(instance.id, instance)
    } catch (error) {
      if (!(error instanceof InvalidInstanceError)) throw error
      reject(new InvalidInstanceError(error.field, error.message, { service }))
    }
  }
  if (byId.size === 0 && rejected.length > 0) {
    throw new DiscoveryError(`${service}: none of ${answer.length} instances is usable. ${rejected[0]?.message}`, {
      service,
      cause: rejected[0],
    })
  }
  return { instances: [...byId.values()], rejected }
}

function duplicate(service: string, instance: ServiceInstance): InvalidInstanceError {
  return new InvalidInstanceError(
    'id',
    `id of an instance must be unique within its service, ${shown(instance.id)} occurs twice; the first is used`,
    { service },
  )
}
