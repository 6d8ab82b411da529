// For applications.

export type { Balancer, PickRequest } from './balancer/balancer.ts'
export type { BalancerName } from './balancer/balancer-by-name.ts'
export { GroupedBalancer, type GroupedOptions } from './balancer/grouped.ts'
export { MaglevBalancer, type MaglevOptions } from './balancer/hashing/maglev.ts'
export { RingHashBalancer, type RingHashOptions } from './balancer/hashing/ring-hash.ts'
export { LeastRequestBalancer, type LeastRequestOptions } from './balancer/load-aware/least-request.ts'
export { PeakEwmaBalancer, type PeakEwmaOptions } from './balancer/load-aware/peak-ewma.ts'
export { RandomBalancer, type RandomOptions } from './balancer/random.ts'
export { RoundRobinBalancer, type RoundRobinOptions } from './balancer/round-robin.ts'
export { SharedCounter } from './balancer/shared-counter.ts'
export {
  SmoothWeightedRoundRobinBalancer,
  type SmoothWeightedRoundRobinOptions,
} from './balancer/smooth-weighted/smooth-weighted-round-robin.ts'
export { exponentialBackoffMs, fullJitterBackoffMs } from './base/backoff.ts'
export { type CancelTimer, type Clock, systemClock, type TimerOptions } from './base/clock.ts'
export { type ErrorJson, errorJson } from './base/error-json.ts'
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
  OverloadedError,
} from './base/errors.ts'
export {
  type Complete,
  checkBoolean,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  checkNumber,
  rejectOption,
} from './base/option-checks.ts'
export { pause } from './base/pause.ts'
export { jittered, type Random, systemRandom } from './base/random.ts'
export { type TimeLimit, timeLimited } from './base/time-limit.ts'
export type { AttemptContext, AttemptFunction } from './call/attempt.ts'
export type { ExecuteOptions } from './call/execute.ts'
export { InterimResponses, maxResponseFields } from './call/interim-responses.ts'
export type { AbortSignalLike } from './call/scope.ts'
export { CallSignal } from './call/signal.ts'
export type { ConfiguredServiceOptions, LoadBalancerOptions, ServiceOptions } from './config/service-options.ts'
export { CompositeDiscovery } from './discovery/composite/composite-discovery.ts'
export type { CompositeDiscoveryEvent, CompositeDiscoveryListener } from './discovery/composite/event.ts'
export type { CompositeDiscoveryOptions, CompositeMember } from './discovery/composite/options.ts'
export {
  type DefinedDiscovery,
  type DiscoveryDefinition,
  defineDiscovery,
  discoveryErrorOf,
  type Question,
  type RegistryService,
} from './discovery/define-discovery.ts'
export type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from './discovery/discovery.ts'
export { type InstanceList, oneLine, readInstances, rejection } from './discovery/instance-list.ts'
export { type ClosableWatch, OpenSubscriptions, type Watch } from './discovery/open-subscriptions.ts'
export { type PolledList, type PollOptions, type PollResolve, type PollResult, poll } from './discovery/poll.ts'
export type { Registration, ServiceRegistrar } from './discovery/registration/registrar.ts'
export {
  type RegistrationSteps,
  type RenewalOptions,
  RenewedRegistration,
} from './discovery/registration/renewed-registration.ts'
export type { SnapshotStore, StoredSnapshot } from './discovery/snapshot/store.ts'
export { StaticDiscovery } from './discovery/static-discovery.ts'
export {
  type RunWatchSession,
  type WatchSession,
  type WatchSessionsOptions,
  watchInSessions,
} from './discovery/watch-sessions.ts'
export { HealthChecker, type HealthState, type HealthStatus, type HealthSubscription } from './health/checks/checker.ts'
export type { HealthCheckOptions, HealthProbe, HealthProbeResult } from './health/checks/options.ts'
export type { Eligibility } from './health/eligibility/eligibility.ts'
export type { PanicOptions } from './health/eligibility/panic.ts'
export type { SlowStartOptions } from './health/eligibility/slow-start.ts'
export type { ZoneOptions } from './health/eligibility/zone-routing.ts'
export type { NoAnswerOptions } from './health/outliers/answer-watch.ts'
export { OutlierDetector, type OutlierDetectorOptions } from './health/outliers/detector.ts'
export type {
  Ejection,
  EjectionReason,
  OutlierListener,
  ReturnedBy,
  UnenforcedBecause,
} from './health/outliers/ejection.ts'
export type {
  FailurePercentageOptions,
  OutlierDetectionOptions,
  SuccessRateOptions,
} from './health/outliers/options.ts'
export type { OutlierTracker } from './health/outliers/tracker.ts'
// For authors of discoveries, balancers and adapters.
export { authorityOf } from './instance/host.ts'
export { originOf, parseInstance, type ServiceInstance, type ServiceInstanceInit } from './instance/instance.ts'
export type { LoadReport, Outcome } from './instance/outcome.ts'
export { serviceOfHost, type UrlAuthority, withLbAuthority } from './instance/service-host.ts'
export { parseServiceUrl, type ServiceUrl, type ServiceUrlRules } from './instance/service-url.ts'
export { rendezvousSubset, type SubsetOptions } from './instance/subset.ts'
export { type CloseOptions, LoadBalancer } from './load-balancer.ts'
export type { LoadReportOptions } from './load-report/learned-weights.ts'
export { formatLoadReport, loadReportHeader, parseLoadReport } from './load-report/load-report.ts'
export type { LoadBalancerEvent, LoadBalancerListener } from './observe/events.ts'
export { type DepartureListener, onDeparture } from './observe/instance-departures.ts'
export type { InstanceSnapshot, InstanceState, ServiceSnapshot } from './observe/snapshot.ts'
export type { ThrottleOptions } from './overload/client-throttle.ts'
export type { QueueOptions } from './overload/queue-options.ts'
export {
  type AttemptResult,
  type Classification,
  classifyError,
  classifyResponse,
  classifyStatus,
  type ResponseFacts,
} from './retry/classification.ts'
export type { HedgeOptions } from './retry/hedging.ts'
export { isIdempotentMethod } from './retry/idempotency.ts'
export { parseRetryAfter } from './retry/retry-after.ts'
export type { RetryBudgetOptions } from './retry/retry-budget.ts'
export { RetryBudget } from './retry/retry-budget.ts'
export type { RetryOptions } from './retry/retry-policy.ts'
export type { PickResult } from './service/pick-result.ts'
