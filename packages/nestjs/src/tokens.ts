import { LoadBalancer } from '@lb/core'
import type { InjectionToken } from '@nestjs/common'

/** The name of a load balancer that was given none. */
export const defaultName = 'default'

/**
 * The token of a load balancer: the class `LoadBalancer` for the one without a name. For `overrideProvider` in tests and
 * `inject` lists.
 *
 *     Test.createTestingModule({ imports: [AppModule] }).overrideProvider(getLoadBalancerToken()).useValue(lb)
 */
export function getLoadBalancerToken(name: string = defaultName): InjectionToken {
  return name === defaultName ? LoadBalancer : rootCall('forRoot', name)
}

/** The token of the client of `service`, as `forFeature` provides it; `name` is that of its load balancer. */
export function getServiceClientToken(service: string, name: string = defaultName): string {
  return featureCall(service, name)
}

// Nest shows tokens in its messages, so those that an application may miss say which call provides them.

/** How the call that made a load balancer is written in messages. */
export function rootCall(method: 'forRoot' | 'forRootAsync', name: string = defaultName): string {
  return `LoadBalancerModule.${method}(${name === defaultName ? '' : `{ name: ${JSON.stringify(name)} }`})`
}

/** How the call that made a client is written in messages. */
export function featureCall(service: unknown, name: string = defaultName): string {
  const shown = typeof service === 'string' ? JSON.stringify(service) : String(service)
  const argument = name === defaultName ? shown : `{ service: ${shown}, loadBalancer: ${JSON.stringify(name)} }`
  return `LoadBalancerModule.forFeature(${argument})`
}

/** Token of what keeps the load balancer: its options and life cycle. */
export function hostToken(name: string): string {
  return `LoadBalancerHost(${name})`
}

/** Token of what makes service clients, visible everywhere. */
export function clientFactoryToken(name: string): string {
  return `clients of ${rootCall('forRoot', name)}`
}
