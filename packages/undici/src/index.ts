export {
  type FailedAttempt,
  isLoadBalancedError,
  type LoadBalancedError,
  type LoadBalancerDetails,
} from '@lb/core/authoring'
export { createFetch, type LoadBalancedFetch } from './create-fetch.ts'
export { loadBalanceInterceptor } from './load-balance-interceptor.ts'
export type { CreateFetchOptions, LoadBalanceOptions } from './options.ts'
export type { PoolOptions } from './pool-options.ts'
