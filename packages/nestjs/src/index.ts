export type { RegisterOptions } from './application-registration.ts'
export { InjectLoadBalancer, InjectServiceClient } from './inject.decorators.ts'
export {
  type LoadBalancerHealth,
  LoadBalancerHealthIndicator,
  type ServiceHealth,
} from './load-balancer.health-indicator.ts'
export { LoadBalancerModule } from './load-balancer.module.ts'
export type {
  LoadBalancerModuleExtras,
  LoadBalancerModuleOptions,
  LoadBalancerOptionsFactory,
  LoadBalancerRootAsyncOptions,
  LoadBalancerRootOptions,
} from './load-balancer.module-definition.ts'
export { LoadBalancerDiagnostics } from './load-balancer-diagnostics.ts'
export type { ServiceClientOptions } from './service-client.ts'
export { getLoadBalancerToken, getServiceClientToken } from './tokens.ts'
