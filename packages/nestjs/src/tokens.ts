import { LoadBalancer } from '@lb/core'
import type { InjectionToken } from '@nestjs/common'

/** The name of an unnamed load balancer. */
export const defaultName = 'default'

/**
 * The token of a load balancer: the class `LoadBalancer` for the unnamed one. Use it with `overrideProvider` in tests
 * and in `inject` lists.
 *
 *     Test.createTestingModule({ imports: [AppModule] }).overrideProvider(getLoadBalancerToken()).useValue(lb)
 */
export function getLoadBalancerToken(name: string = defaultName): InjectionToken {
  return name === defaultName ? LoadBalancer : rootCall('forRoot', name)
}

/** The token of the client of `service`, as `forFeature` provides it; `name` is the name of its load balancer. */
export function getServiceClientToken(service: string, name: string = defaultName): string {
  return featureCall(service, name)
}

// Nest shows tokens in its messages, so those that an application may miss say which call provides them.

/** The call that created a load balancer, as written in messages. */
export function rootCall(method: 'forRoot' | 'forRootAsync', name: string = defaultName): string {
  return `LoadBalancerModule.${method}(${name === defaultName ? '' : `{ name: ${JSON.stringify(name)} }`})`
}

/** The call that created a client, as written in messages. */
export function featureCall(service: unknown, name: string = defaultName): string {
  const shown = typeof service === 'string' ? JSON.stringify(service) : String(service)
  const argument = name === defaultName ? shown : `{ service: ${shown}, loadBalancer: ${JSON.stringify(name)} }`
  return `LoadBalancerModule.forFeature(${argument})`
}

/** The token of the provider that keeps the load balancer: its options and life cycle. */
export function hostToken(name: string): string {
  return `LoadBalancerHost(${name})`
}

/** The token of the names of the services that the unnamed load balancer is used for. */
export const servicesToken = 'services of LoadBalancerModule.forRoot()'

/** The token of the provider that creates service clients, visible everywhere. */
export function clientFactoryToken(name: string): string {
  return `clients of ${rootCall('forRoot', name)}`
}
