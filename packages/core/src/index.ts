// For applications.

export type { AttemptContext, AttemptFunction } from './attempt.ts'
export type { Balancer, Outcome, PickRequest } from './balancer/balancer.ts'
export type { BalancerName } from './balancer/balancer-by-name.ts'
export { GroupedBalancer, type GroupedOptions } from './balancer/grouped.ts'
export { LeastRequestBalancer, type LeastRequestOptions } from './balancer/least-request.ts'
export { MaglevBalancer, type MaglevOptions } from './balancer/maglev.ts'
export { PeakEwmaBalancer, type PeakEwmaOptions } from './balancer/peak-ewma.ts'
export { RandomBalancer, type RandomOptions } from './balancer/random.ts'
export { RingHashBalancer, type RingHashOptions } from './balancer/ring-hash.ts'
export { RoundRobinBalancer, type RoundRobinOptions } from './balancer/round-robin.ts'
export { SharedCounter } from './balancer/shared-counter.ts'
export {
  SmoothWeightedRoundRobinBalancer,
  type SmoothWeightedRoundRobinOptions,
} from './balancer/smooth-weighted/smooth-weighted-round-robin.ts'
export type { AbortSignalLike } from './call-scope.ts'
export { CallSignal } from './call-signal.ts'
export { type CancelTimer, type Clock, systemClock, type TimerOptions } from './clock.ts'
export { CompositeDiscovery } from './discovery/composite-discovery.ts'
export type { CompositeDiscoveryEvent, CompositeDiscoveryListener } from './discovery/composite-discovery-event.ts'
export type { CompositeDiscoveryOptions, CompositeMember } from './discovery/composite-discovery-options.ts'
export type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from './discovery/discovery.ts'
export { type ClosableWatch, OpenSubscriptions, type Watch } from './discovery/open-subscriptions.ts'
export { type PollOptions, type PollResolve, type PollResult, poll } from './discovery/poll.ts'
export type { Registration, ServiceRegistrar } from './discovery/registrar.ts'
export { type RegistrationSteps, type RenewalOptions, RenewedRegistration } from './discovery/renewed-registration.ts'
export type { SnapshotStore, StoredSnapshot } from './discovery/snapshot-store.ts'
export { StaticDiscovery } from './discovery/static-discovery.ts'
export {
  type RunWatchSession,
  type WatchSession,
  type WatchSessionsOptions,
  watchInSessions,
} from './discovery/watch-sessions.ts'
export { type ErrorJson, errorJson } from './error-json.ts'
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
} from './errors.ts'
export type { LoadBalancerEvent, LoadBalancerListener } from './events.ts'
export type { ExecuteOptions } from './execute.ts'
export type { NoAnswerOptions } from './health/answer-watch.ts'
export type { Ejection, EjectionReason, OutlierListener, ReturnedBy, UnenforcedBecause } from './health/ejection.ts'
export type { Eligibility } from './health/eligibility.ts'
export type { HealthCheckOptions, HealthProbe, HealthProbeResult } from './health/health-check-options.ts'
export { HealthChecker, type HealthState, type HealthStatus, type HealthSubscription } from './health/health-checker.ts'
export type {
  FailurePercentageOptions,
  OutlierDetectionOptions,
  SuccessRateOptions,
} from './health/outlier-detection-options.ts'
export { OutlierDetector, type OutlierDetectorOptions } from './health/outlier-detector.ts'
export type { OutlierTracker } from './health/outlier-tracker.ts'
export type { PanicOptions } from './health/panic.ts'
export type { SlowStartOptions } from './health/slow-start.ts'
export type { ZoneOptions } from './health/zone-routing.ts'
// For authors of discoveries, balancers and adapters.
export { authorityOf } from './host.ts'
export { originOf, parseInstance, type ServiceInstance, type ServiceInstanceInit } from './instance.ts'
export { type DepartureListener, onDeparture } from './instance-departures.ts'
export { InterimResponses, maxResponseFields } from './interim-responses.ts'
export { type CloseOptions, LoadBalancer } from './load-balancer.ts'
export type { LoadReportOptions } from './load-report/learned-weights.ts'
export { formatLoadReport, type LoadReport, loadReportHeader, parseLoadReport } from './load-report/load-report.ts'
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
} from './options.ts'
export type { ThrottleOptions } from './overload/client-throttle.ts'
export type { QueueOptions } from './overload/queue-options.ts'
export type { PickResult } from './pick-result.ts'
export { type Random, systemRandom } from './random.ts'
export { rendezvousSubset, type SubsetOptions } from './rendezvous-subset.ts'
export { type AttemptResult, type Classification, classifyError, classifyStatus } from './retry/classification.ts'
export type { HedgeOptions } from './retry/hedging.ts'
export { isIdempotentMethod } from './retry/idempotency.ts'
export { parseRetryAfter } from './retry/retry-after.ts'
export type { RetryBudgetOptions } from './retry/retry-budget.ts'
export { RetryBudget } from './retry/retry-budget.ts'
export type { RetryOptions } from './retry/retry-policy.ts'
export { serviceOfHost, type UrlAuthority, withLbAuthority } from './service-host.ts'
export type { ConfiguredServiceOptions, LoadBalancerOptions, ServiceOptions } from './service-options.ts'
export type { InstanceSnapshot, InstanceState, ServiceSnapshot } from './snapshot.ts'
