import { counted } from '../base/counted.ts'
import { messageOf } from '../base/error-message.ts'
import { DiscoveryError, InvalidInstanceError } from '../base/errors.ts'
import { parseInstance, type ServiceInstance, type ServiceInstanceInit } from '../instance/instance.ts'
import type { ListSample } from './discovery.ts'

/** What a registry has for a service: the instances, and why the rest cannot be used. */
export interface InstanceList {
  /** Every instance that can be used. */
  readonly instances: readonly ServiceInstance[]
  /** One error for each key or record that cannot be used, by name; ten at most. */
  readonly rejected: readonly InvalidInstanceError[]
  /** Set if the list may lack instances. */
  readonly sample?: ListSample | undefined
}

/** So many errors are kept of one list, so that a broken registry does not flood the listeners. */
export const maxRejected = 10

/**
 * Reads the keys or records of a registry one by one. `read` gives what one of them describes, checked or not; `undefined` when it
 * describes no instance of the service. When it throws, or gives what `parseInstance` refuses, only that one is left out, with an error
 * that begins with its name: `nameOf` is asked only then.
 */
export function readInstances<T>(
  records: Iterable<T>,
  read: (record: T) => unknown,
  nameOf: (record: T) => string,
): InstanceList {
  const instances: ServiceInstance[] = []
  const rejected: InvalidInstanceError[] = []
  for (const record of records) {
    try {
      const init = read(record)
      // Unchecked so far: `parseInstance` looks at every field.
      if (init !== undefined) instances.push(parseInstance(init as ServiceInstanceInit))
    } catch (cause) {
      if (rejected.length < maxRejected) rejected.push(rejection(nameOf(record), cause))
    }
  }
  return { instances, rejected }
}

/** The error for a key or record that describes no instance that can be used: begins with its `name`. */
export function rejection(name: string, cause: unknown): InvalidInstanceError {
  const field = cause instanceof InvalidInstanceError ? cause.field : 'instance'
  return new InvalidInstanceError(field, `${oneLine(name)}: ${oneLine(messageOf(cause), 400)}`, { cause })
}

/** The error for a list of which nothing can be used: it says nothing, and is no empty one. */
export function nothingUsable(
  service: string,
  count: number,
  rejected: readonly InvalidInstanceError[],
): DiscoveryError {
  const what = count > 0 ? `none of ${counted(count, 'instance')}` : 'no instance'
  return new DiscoveryError(`${service}: ${what} is usable. ${rejected[0]?.message}`, { service, cause: rejected[0] })
}

/** Text from the network as a part of a message: one line of at most `maxLength` characters. */
export function oneLine(text: string, maxLength = 200): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line
}
