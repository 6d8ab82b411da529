// `@lb/core/authoring`: for authors of discoveries, registrars, balancers and adapters. What a program uses is in `@lb/core`.
//
// A comment with an empty line after it is a heading: the formatter sorts below it, and never across it.

// Discoveries: out of a question, a function that resolves once, or one that runs a session with the registry.

export {
  DefinedDiscovery,
  type DiscoveryDefinition,
  defineDiscovery,
  discoveryErrorOf,
  type Question,
  type RegistryService,
} from './discovery/define-discovery.ts'
export { type InstanceList, oneLine, readInstances, rejection } from './discovery/instance-list.ts'
export { type ClosableWatch, OpenSubscriptions, type Watch } from './discovery/open-subscriptions.ts'
export { type PolledList, type PollOptions, type PollResolve, type PollResult, poll } from './discovery/poll.ts'
export {
  type RunWatchSession,
  type WatchSession,
  type WatchSessionsOptions,
  watchInSessions,
} from './discovery/watch-sessions.ts'

// Registrars: a registration that is renewed, and made again after it was lost.

export {
  type RegistrationSteps,
  type RenewalOptions,
  RenewedRegistration,
} from './discovery/registration/renewed-registration.ts'

// Options: checks that name the option, what is legal, what was given, and the remedy.

export { balancerNames } from './balancer/balancer-name.ts'
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
export { type AdapterOptions, checkAdapterOptions } from './config/adapter-options.ts'
export { checkServiceName } from './config/service-options.ts'
export { checkLoadBalancer, isLoadBalancer } from './is-load-balancer.ts'

// Time and chance: what is used where no clock and no random source were given, pauses, limits and backoff.

export { exponentialBackoffMs, fullJitterBackoffMs } from './base/backoff.ts'
export { systemClock } from './base/clock.ts'
export { pause } from './base/pause.ts'
export { jittered, systemRandom } from './base/random.ts'
export { RunningClock } from './base/running-clock.ts'
export { type TimeLimit, timeLimited } from './base/time-limit.ts'

// Instances: their authorities and origins, the service that a URL names, and metadata as they may be shown.

export { authorityOf } from './instance/host.ts'
export { originOf } from './instance/instance.ts'
export { maskedMetadata } from './instance/masked-metadata.ts'
export { withLbAuthority } from './instance/service-host.ts'
export { parseServiceUrl, type ServiceUrl, type ServiceUrlRules } from './instance/service-url.ts'

// Requests and responses: what an adapter has to know of them.

export { InterimResponses, maxResponseFields } from './call/interim-responses.ts'
export { CallSignal } from './call/signal.ts'
export type { StartedCall } from './call/started-call.ts'
export {
  formatLoadReport,
  loadReportFormatHeader,
  loadReportHeader,
  parseLoadReport,
} from './load-report/load-report.ts'
export { RequestLoad } from './load-report/request-load.ts'
export { type DepartureListener, onDeparture } from './observe/instance-departures.ts'
export { isCriticality } from './overload/criticality.ts'
export { checkCriticalityHeader, criticalityHeader, criticalityHeaderName } from './overload/criticality-header.ts'
export { type CriticalityRule, checkCriticalityRule, criticalityOf } from './overload/criticality-rule.ts'
export { classifyError, classifyResponse, classifyStatus, type ResponseFacts } from './retry/classification.ts'
export { isIdempotentMethod } from './retry/idempotency.ts'
export { parseRetryAfter } from './retry/retry-after.ts'

// Metrics: their one table, and what records them; spans: how calls and errors are called.

export { errorTypeOf, knownStatus } from './observe/metrics/error-types.ts'
export { knownMethod } from './observe/metrics/http-method.ts'
export { labelValue } from './observe/metrics/label-value.ts'
export type { MetricLabel, MetricLabels } from './observe/metrics/metric-labels.ts'
export type { MetricSink, MetricVisitor } from './observe/metrics/metric-sink.ts'
export {
  type CounterName,
  type HistogramName,
  labelsOf,
  type Metric,
  type MetricKind,
  type MetricName,
  metricTable,
  type ReadingName,
} from './observe/metrics/metric-table.ts'
export {
  type MeasuredLoadBalancer,
  type RecordedMetrics,
  type RecordMetricsOptions,
  recordMetrics,
} from './observe/metrics/record-metrics.ts'

// Errors and their messages.

export { counted } from './base/counted.ts'
export { errorJson } from './base/error-json.ts'
export { messageOf } from './base/error-message.ts'
export {
  type FailedAttempt,
  isLoadBalancedError,
  type LoadBalancedError,
  type LoadBalancerDetails,
} from './call/load-balanced-error.ts'
