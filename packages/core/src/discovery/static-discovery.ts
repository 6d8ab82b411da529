import { InvalidInstanceError } from '../base/errors.ts'
import { rejectOption } from '../base/option-checks.ts'
import { parseInstance, type ServiceInstance, type ServiceInstanceInit } from '../instance/instance.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from './discovery.ts'

/**
 * Instances from code or configuration. `set` replaces those of a service at any time, and load balancers use them at
 * once. A service that is not listed has no instances.
 *
 *     new StaticDiscovery({ 'user-service': ['10.0.1.12:8080', { host: '10.0.1.13', port: 8080, weight: 2 }] })
 */
export class StaticDiscovery implements ServiceDiscovery {
  /** False: every change is pushed at once. */
  readonly refreshable = false
  readonly #services = new Map<string, readonly ServiceInstance[]>()
  readonly #observers = new Map<string, Set<DiscoveryObserver>>()

  /** @throws InvalidInstanceError naming the service, the field and the value; also for a duplicate id */
  constructor(services: Record<string, readonly ServiceInstanceInit[]> = {}) {
    if (typeof services !== 'object' || services === null || Array.isArray(services)) {
      rejectOption('StaticDiscovery.services', 'an object of service names and lists of instances', services)
    }
    for (const [service, instances] of Object.entries(services)) {
      this.#services.set(service, parseList(service, instances))
    }
  }

  get [Symbol.toStringTag](): string {
    return 'StaticDiscovery'
  }

  /** Replaces the instances of `service`. Throws like the constructor, and then changes nothing. */
  set(service: string, instances: readonly ServiceInstanceInit[]): void {
    const list = parseList(service, instances)
    this.#services.set(service, list)
    const observers = this.#observers.get(service)
    for (const observer of Array.from(observers ?? [])) {
      // An observer may set another list, or close another watch.
      if (this.#services.get(service) !== list) return
      if (observers?.has(observer) === true) observer.next(list)
    }
  }

  /** The instances of `service`; an empty list if it is not listed. */
  getInstances(service: string): Promise<readonly ServiceInstance[]> {
    return Promise.resolve(this.#services.get(service) ?? [])
  }

  /** Passes on the instances of `service` at once, and after each `set`. */
  watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    const observers = this.#observers.get(service) ?? new Set()
    // Wrapped, so that one observer can watch twice.
    const entry: DiscoveryObserver = {
      next: (list) => observer.next(list),
      error: (cause) => observer.error(cause),
    }
    observers.add(entry)
    this.#observers.set(service, observers)
    entry.next(this.#services.get(service) ?? [])
    return {
      close: () => {
        observers.delete(entry)
        if (observers.size === 0 && this.#observers.get(service) === observers) this.#observers.delete(service)
      },
    }
  }
}

function parseList(service: string, instances: readonly ServiceInstanceInit[]): readonly ServiceInstance[] {
  if (!Array.isArray(instances)) rejectOption(`StaticDiscovery.services.${service}`, 'an array of instances', instances)
  const byId = new Map<string, ServiceInstance>()
  for (const [index, init] of instances.entries()) {
    const instance = parseNamed(service, index, init)
    if (byId.has(instance.id)) {
      throw new InvalidInstanceError(
        'id',
        `${service}[${index}]: id must be unique within its service, ${JSON.stringify(instance.id)} occurs twice. ` +
          'Remove one, or give them different ids',
        { service },
      )
    }
    byId.set(instance.id, instance)
  }
  return Object.freeze([...byId.values()])
}

function parseNamed(service: string, index: number, init: ServiceInstanceInit): ServiceInstance {
  try {
    return parseInstance(init)
  } catch (error) {
    if (!(error instanceof InvalidInstanceError)) throw error
    throw new InvalidInstanceError(error.field, `${service}[${index}]: ${error.message}`, { service })
  }
}
