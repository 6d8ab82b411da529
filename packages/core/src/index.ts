// `@lb/core`: for applications. What authors of discoveries, registrars, balancers and adapters need besides is in `@lb/core/authoring`.
//
// A comment with an empty line after it is a heading: the formatter sorts below it, and never across it.

// The load balancer, and how it and its services are configured.

export type { LoadProbe, LoadProbeResult } from './balancer/probing/load-probe.ts'
export type { ProbingOptions } from './balancer/probing/options.ts'
export { ProbingBalancer, type ProbingBalancerOptions, type ProbingState } from './balancer/probing/probing.ts'
export type { ConfiguredServiceOptions, LoadBalancerOptions, ServiceOptions } from './config/service-options.ts'
export type { HealthCheckOptions, HealthObserver, HealthProbe, HealthProbeResult } from './health/checks/options.ts'
export type { HealthCheckTls } from './health/checks/tls.ts'
export type { PanicOptions } from './health/eligibility/panic.ts'
export type { SlowStartOptions } from './health/eligibility/slow-start.ts'
export type { ZoneOptions } from './health/eligibility/zone-options.ts'
export type { NoAnswerOptions } from './health/outliers/answer-watch.ts'
export type {
  FailurePercentageOptions,
  OutlierDetectionOptions,
  SuccessRateOptions,
} from './health/outliers/options.ts'
export type { SubsetOptions } from './instance/subset.ts'
export { LoadBalancer } from './load-balancer.ts'
export type { LoadReportOptions } from './load-report/options.ts'
export type { LoadReportPoll, LoadReportPollOptions } from './load-report/poll-options.ts'
export type { ThrottleOptions } from './overload/client-throttle.ts'
export type { AdaptiveLimitOptions } from './overload/gradient-limit.ts'
export type { QueueOptions } from './overload/queue-options.ts'
export type { HedgeOptions } from './retry/hedging.ts'
export type { RetryBudgetOptions } from './retry/retry-budget.ts'
export type { RetryOptions } from './retry/retry-policy.ts'
export type { CloseOptions } from './service/drain.ts'

// Calls: what they are given, and what they give.

export type { PickRequest } from './balancer/balancer.ts'
export type { AcquireRequest, TryAcquireRequest } from './call/acquire-request.ts'
export type { AttemptContext, AttemptFunction } from './call/attempt-context.ts'
export type { ExecuteOptions } from './call/execute-options.ts'
export type { AbortSignalLike } from './call/scope.ts'
export type { LoadReport, Outcome } from './instance/outcome.ts'
export type { UrlAuthority } from './instance/service-host.ts'
export type { Criticality } from './overload/criticality.ts'
export type { AttemptResult, Classification } from './retry/classification.ts'
export type { PickResult } from './service/request.ts'

// Instances and discoveries: where the instances of a service come from.

export { CompositeDiscovery } from './discovery/composite/composite-discovery.ts'
export type { CompositeDiscoveryEvent, CompositeDiscoveryListener } from './discovery/composite/event.ts'
export type { CompositeDiscoveryOptions, CompositeMember } from './discovery/composite/options.ts'
export type { DiscoveryObserver, DiscoverySubscription, ListSample, ServiceDiscovery } from './discovery/discovery.ts'
export { EnvDiscovery, type EnvDiscoveryOptions } from './discovery/env-discovery.ts'
export type { Registration, ServiceRegistrar } from './discovery/registration/registrar.ts'
export type { SnapshotStore, StoredSnapshot } from './discovery/snapshot/store.ts'
export { StaticDiscovery } from './discovery/static-discovery.ts'
export { parseInstance, type ServiceInstance, type ServiceInstanceInit } from './instance/instance.ts'
export type { MetadataMatch } from './instance/metadata-match.ts'
export type { RoutingOptions } from './instance/routing-options.ts'

// Balancers: which instance a request goes to.

export type { Balancer } from './balancer/balancer.ts'
export type { BalancerName } from './balancer/balancer-name.ts'
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

// Health and observation: what is known of the instances, and what happens to them.

export { HealthChecker, type HealthState, type HealthStatus, type HealthSubscription } from './health/checks/checker.ts'
export type { Eligibility } from './health/eligibility/eligibility.ts'
export type { Ejection, EjectionReason, ReturnedBy, UnenforcedBecause } from './health/outliers/ejection.ts'
export type {
  AttemptInfo,
  AttemptObservation,
  CallInfo,
  CallObservation,
  CallObserver,
  CallResult,
} from './observe/call-observer.ts'
export type { AdapterEvent, EventLevel, LoadBalancerEvent, LoadBalancerListener } from './observe/events.ts'
export type { TrafficRecordingOptions } from './observe/recording/recording-options.ts'
export {
  type RecordedLoadBalancer,
  recordTraffic,
  type TrafficRecording,
} from './observe/recording/traffic-recording.ts'
export type { InstanceSnapshot, InstanceState, MetadataSubsetSnapshot, ServiceSnapshot } from './observe/snapshot.ts'

// Control at run time.

export type { ControlOptions, Override, ServiceControl } from './control/override.ts'

// Errors. Each has a stable `code`.

export type { ErrorJson } from './base/error-json.ts'
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
  UnknownInstanceError,
  type UnknownNameErrorOptions,
  UnknownServiceError,
} from './base/errors.ts'

// Time and chance, which are injected.

export type { CancelTimer, Clock, TimerOptions } from './base/clock.ts'
export type { Random } from './base/random.ts'
