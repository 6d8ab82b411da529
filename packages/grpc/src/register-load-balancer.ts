import type { LoadBalancer } from '@lb/core'
import { rejectOption } from '@lb/core/authoring'
import { type RegisterLoadBalancerOptions, registrationSettings } from './options.ts'
import { registerPolicy } from './policy-type.ts'
import { type Registration, registrationOf, resolverOf } from './resolver.ts'

/**
 * From now on, channels of `@grpc/grpc-js` whose target is `lb:user-service` go to the instances of that service. Other targets are
 * as before.
 *
 *     registerLoadBalancer(lb, { idempotent: ['/users.v1.Users/GetUser'] })
 *     const client = new UsersClient('lb:user-service', credentials.createInsecure())
 *
 * Registering the same load balancer once more changes nothing, unless options are given: they hold for channels that are made
 * later. The registration ends when the load balancer is closed, or when the returned function is called; channels that are
 * open then keep their load balancer, and new ones fail with UNAVAILABLE until another one is registered.
 *
 * @throws InvalidOptionError, also if the scheme is another load balancer's or another resolver's
 */
export function registerLoadBalancer(lb: LoadBalancer, options: RegisterLoadBalancerOptions = {}): () => void {
  const settings = registrationSettings(lb, options)
  const { scheme, grpc } = settings
  const before = registrationOf(settings)
  if (before === 'foreign') {
    rejectOption('registerLoadBalancer.scheme', 'a scheme that has no resolver of grpc-js or others', scheme)
  }
  if (before !== undefined && !before.isEnded) {
    if (before.lb !== lb) {
      const remedy = 'Give this one another scheme, or end the registration of the other'
      rejectOption('registerLoadBalancer.scheme', 'a scheme of no other load balancer', scheme, remedy)
    }
    if (Object.keys(options).every((key) => key === 'scheme' || key === 'grpc')) return before.end
    before.end()
  }
  const unsubscribe = lb.subscribe(() => registration.end(), ['closed'])
  const registration: Registration = {
    lb,
    settings,
    isEnded: false,
    end: () => {
      registration.isEnded = true
      unsubscribe()
    },
  }
  registerPolicy(grpc)
  grpc.experimental.registerResolver(scheme, resolverOf(registration))
  return registration.end
}
