import { Inject } from '@nestjs/common'
import { getLoadBalancerToken, getServiceClientToken } from './tokens.ts'

/**
 * Injects the load balancer, or the one called `name`. Without a name the type alone is enough:
 * `constructor(lb: LoadBalancer)`.
 */
export function InjectLoadBalancer(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getLoadBalancerToken(name))
}

/**
 * Injects the axios client that `forFeature` bound to `service`; `name` is that of its load balancer.
 *
 *     constructor(@InjectServiceClient('user-service') private readonly users: AxiosInstance) {}
 *
 *     this.users.get('/v1/profile')
 */
export function InjectServiceClient(service: string, name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getServiceClientToken(service, name))
}
