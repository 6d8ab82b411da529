// For applications.

export type { Balancer, Outcome, PickRequest } from './balancer/balancer.ts'
export type { BalancerName } from './balancer/balancer-by-name.ts'
export { GroupedBalancer, type GroupedOptions } from './balancer/grouped.ts'
export { RandomBalancer, type RandomOptions } from './balancer/random.ts'
export { RoundRobinBalancer, type RoundRobinOptions } from './balancer/round-robin.ts'
export { SharedCounter } from './balancer/shared-counter.ts'
export {
  SmoothWeightedRoundRobinBalancer,
  type SmoothWeightedRoundRobinOptions,
} from './balancer/smooth-weighted-round-robin.ts'
export { type CancelTimer, type Clock, systemClock, type TimerOptions } from './clock.ts'
export type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from './discovery/discovery.ts'
export { type PollOptions, type PollResolve, type PollResult, poll } from './discovery/poll.ts'
export { StaticDiscovery } from './discovery/static-discovery.ts'
export {
  DeadlineExceededError,
  DiscoveryError,
  InvalidInstanceError,
  InvalidOptionError,
  LoadBalancerClosedError,
  LoadBalancerError,
  type LoadBalancerErrorCode,
  type LoadBalancerErrorOptions,
  NoAvailableInstanceError,
} from './errors.ts'
export type { LoadBalancerEvent, LoadBalancerListener } from './events.ts'
export type { AttemptContext, AttemptFunction, ExecuteOptions } from './execute.ts'
export type { Eligibility } from './health/eligibility.ts'
// For authors of discoveries, balancers and adapters.
export { parseInstance, type ServiceInstance, type ServiceInstanceInit } from './instance.ts'
export { LoadBalancer } from './load-balancer.ts'
export {
  checkBoolean,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  checkNumber,
  rejectOption,
} from './options.ts'
export type { PickResult } from './pick-result.ts'
export type { Random } from './random.ts'
export { type AttemptResult, type Classification, classifyError, classifyStatus } from './retry/classification.ts'
export { isIdempotentMethod } from './retry/idempotency.ts'
export type { RetryBudgetOptions } from './retry/retry-budget.ts'
export { RetryBudget } from './retry/retry-budget.ts'
export type { RetryOptions } from './retry/retry-policy.ts'
export type { LoadBalancerOptions, ServiceOptions } from './service-options.ts'
export type { InstanceSnapshot, InstanceState, ServiceSnapshot } from './snapshot.ts'
