import type { ServiceInstance } from '../instance/instance.ts'
import type { LoadBalancerEvent, LoadBalancerListener } from './events.ts'

/** What keeps connections to instances has to know when those are of no more use. */
export type DepartureListener = (instance: ServiceInstance, service: string) => void

/** What is asked of a load balancer. */
export interface ObservedInstances {
  inspect(): readonly {
    readonly service: string
    readonly instances: readonly { readonly instance: ServiceInstance }[]
  }[]
  subscribe(listener: LoadBalancerListener, types: readonly LoadBalancerEvent['type'][]): () => void
}

const types = ['instances-changed', 'instance-drained', 'service-released', 'closed'] as const

/**
 * Calls `listener` with each instance that gets no more requests at its address: it was removed or moved, its last request after that has
 * ended, its service was released, or the load balancer was closed. One instance may depart twice: requests may have been on their way.
 */
export function onDeparture(lb: ObservedInstances, listener: DepartureListener): () => void {
  const known = new Map<string, Map<string, ServiceInstance>>()
  const instancesOf = (service: string): Map<string, ServiceInstance> => {
    const instances = known.get(service) ?? new Map<string, ServiceInstance>()
    known.set(service, instances)
    return instances
  }
  const release = (service: string): void => {
    for (const instance of known.get(service)?.values() ?? []) listener(instance, service)
    known.delete(service)
  }
  for (const { service, instances } of lb.inspect()) {
    for (const { instance } of instances) instancesOf(service).set(instance.id, instance)
  }
  return lb.subscribe((event) => {
    if (event.type === 'instances-changed') {
      const { service, added, removed, updated } = event
      const instances = instancesOf(service)
      // In this order: the id of one that moved is in both.
      for (const instance of removed) {
        instances.delete(instance.id)
        listener(instance, service)
      }
      for (const instance of [...added, ...updated]) instances.set(instance.id, instance)
    } else if (event.type === 'instance-drained') {
      listener(event.instance, event.service)
    } else if (event.type === 'service-released') {
      release(event.service)
    } else if (event.type === 'closed') {
      for (const service of Array.from(known.keys())) release(service)
    }
  }, types)
}
