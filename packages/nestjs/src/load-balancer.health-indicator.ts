import { LoadBalancer, type ServiceSnapshot } from '@lb/core'
import { Inject, Injectable, Optional } from '@nestjs/common'
import { servicesToken } from './tokens.ts'

/** The health of one service. */
export interface ServiceHealth {
  /** `up` while an instance may be picked. */
  readonly status: 'up' | 'down'
  /** The number of instances that may be picked. */
  readonly usable: number
  /** The number of instances in the list. */
  readonly known: number
  /** The number of instances in each state, such as `{ available: 2, ejected: 1 }`. */
  readonly states: Readonly<Record<string, number>>
  /** The state of the list, such as `fresh` or `stale`, as in `ServiceSnapshot.status`. */
  readonly list: ServiceSnapshot['status']
  /** Why the discovery fails, or why health is ignored. Absent otherwise. */
  readonly reason?: string | undefined
}

/** The result of `check`, in the form of terminus. */
export type LoadBalancerHealth<Key extends string> = Record<
  Key,
  { status: 'up' | 'down'; services: Record<string, ServiceHealth> }
>

/**
 * For @nestjs/terminus: up while every service has an instance that may be picked. The module provides it; it may also stand
 * in the `providers` of a module that imports the load balancer.
 *
 *     this.health.check([() => this.loadBalancer.check('services')])
 */
@Injectable()
export class LoadBalancerHealthIndicator {
  readonly #lb: LoadBalancer
  readonly #services: Iterable<string> | undefined

  /** `services` are checked if `check` receives none; by default, those that the load balancer knows at that time. */
  constructor(@Inject(LoadBalancer) lb: LoadBalancer, @Optional() @Inject(servicesToken) services?: Iterable<string>) {
    this.#lb = lb
    this.#services = services
  }

  /**
   * Reads the known state and sends no request, so it is cheap.
   *
   * @param services the services to check; by default, those that are configured or have a client
   */
  check<Key extends string>(key: Key, services: Iterable<string> = this.#checked()): LoadBalancerHealth<Key> {
    const found = Array.from(services, (service) => [service, this.#healthOf(service)] as const)
    const status = found.every(([, health]) => health.status === 'up') ? 'up' : 'down'
    return { [key]: { status, services: Object.fromEntries(found) } } as LoadBalancerHealth<Key>
  }

  #checked(): Iterable<string> {
    return this.#services ?? this.#lb.inspect().map(({ service }) => service)
  }

  #healthOf(service: string): ServiceHealth {
    const { instances, status, discoveryError, panic } = this.#lb.inspect(service)
    // A name is forgotten when the registry did not know it in time: the next check may find it.
    if (status === 'unused') this.#lb.ready(service).catch(() => {})
    const listed = instances.filter(({ state }) => state !== 'draining')
    const usable = listed.filter(({ candidate }) => candidate).length
    const states: Record<string, number> = {}
    for (const { state } of instances) states[state] = (states[state] ?? 0) + 1
    const reason = discoveryError ?? panic
    const health = { usable, known: listed.length, states, list: status }
    return { status: usable > 0 ? 'up' : 'down', ...health, ...(reason === undefined ? undefined : { reason }) }
  }
}
