import { InvalidInstanceError } from '../base/errors.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { ServiceInstance, ServiceInstanceInit } from '../instance/instance.ts'
import { parseList } from '../instance/parse-list.ts'
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
      this.#services.set(service, readList(service, instances, []))
    }
  }

  get [Symbol.toStringTag](): string {
    return 'StaticDiscovery'
  }

  /** Replaces the instances of `service`. Throws like the constructor, and then changes nothing. */
  set(service: string, instances: readonly ServiceInstanceInit[]): void {
    const list = readList(service, instances, this.#services.get(service) ?? [])
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

function readList(
  service: string,
  instances: readonly ServiceInstanceInit[],
  before: readonly ServiceInstance[],
): readonly ServiceInstance[] {
  if (!Array.isArray(instances)) rejectOption(`StaticDiscovery.services.${service}`, 'an array of instances', instances)
  const list = parseList(instances, before, {
    unusable: (error, index) => {
      if (!(error instanceof InvalidInstanceError)) throw error
      throw new InvalidInstanceError(error.field, `${service}[${index}]: ${error.message}`, { service })
    },
    duplicate: ({ id }, index) => {
      throw new InvalidInstanceError(
        'id',
        `${service}[${index}]: id must be unique within its service, ${JSON.stringify(id)} occurs twice. ` +
          'Remove one, or give them different ids',
        { service },
      )
    },
  })
  return Object.freeze(list)
}
