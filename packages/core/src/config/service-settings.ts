import type { Balancer } from '../balancer/balancer.ts'
import type { BalancerName } from '../balancer/balancer-name.ts'
import type { ProbingOptions } from '../balancer/probing/options.ts'
import { type OptionValues, withDefaults } from '../base/option-table.ts'
import type { ServiceDiscovery } from '../discovery/discovery.ts'
import type { HealthChecker } from '../health/checks/checker.ts'
import { type PanicPolicy, panicPolicy } from '../health/eligibility/panic.ts'
import { type SlowStartPolicy, slowStartPolicy } from '../health/eligibility/slow-start.ts'
import { type ZonePolicy, zonePolicy } from '../health/eligibility/zone-options.ts'
import { type OutlierDetectionSettings, outlierDetectionSettings } from '../health/outliers/options.ts'
import type { RoutingOptions } from '../instance/routing-options.ts'
import type { SubsetOptions } from '../instance/subset.ts'
import type { LoadReportOptions } from '../load-report/options.ts'
import type { ThrottleOptions } from '../overload/client-throttle.ts'
import { adaptiveLimitTable } from '../overload/gradient-limit.ts'
import { queueTable } from '../overload/queue-options.ts'
import { type HedgePolicy, hedgePolicy } from '../retry/hedging.ts'
import { type RetryPolicy, retryPolicy } from '../retry/retry-policy.ts'
import {
  type ConfiguredServiceOptions,
  type LoadBalancerOptions,
  type ServiceOptions,
  serviceTable,
} from './service-options.ts'

/** `ServiceOptions` with every default filled in. */
export interface ServiceSettings {
  readonly balancer: BalancerName | (() => Balancer) | undefined
  readonly probing: ProbingOptions
  readonly discovery: ServiceDiscovery
  /** What the discovery is asked for. */
  readonly nameInRegistry: string
  readonly refreshIntervalMs: number
  readonly maxStaleMs: number
  readonly emptyGraceMs: number | undefined
  readonly firstListTimeoutMs: number
  readonly timeoutMs: number
  readonly retry: RetryPolicy
  readonly hedge: HedgePolicy | undefined
  readonly healthCheck: HealthChecker | undefined
  readonly outlierDetection: OutlierDetectionSettings | false
  readonly slowStart: SlowStartPolicy | undefined
  readonly panic: PanicPolicy
  readonly zone: ZonePolicy | undefined
  readonly subset: SubsetOptions | undefined
  readonly routing: RoutingOptions | undefined
  readonly loadReports: LoadReportOptions | undefined
  readonly maxInFlight: number | 'adaptive'
  readonly maxInFlightPerInstance: number | 'adaptive'
  readonly adaptiveLimit: OptionValues<typeof adaptiveLimitTable>
  readonly queue: OptionValues<typeof queueTable> | false
  readonly throttle: ThrottleOptions | undefined
}

/** What holds for a service: its own options, then the load balancer's, then the defaults. */
export function serviceSettings(
  options: LoadBalancerOptions,
  service: string,
  healthChecker: (own: ServiceOptions) => HealthChecker | undefined,
): ServiceSettings {
  const { services } = options
  const own: ConfiguredServiceOptions =
    services !== undefined && Object.hasOwn(services, service) ? (services[service] as ConfiguredServiceOptions) : {}
  const base = withDefaults(options, serviceTable)
  const values = withDefaults({ ...options, ...given(own) }, serviceTable)
  return {
    balancer: values.balancer,
    probing: merged(own.probing, base.probing) ?? {},
    discovery: own.discovery ?? options.discovery,
    nameInRegistry: own.nameInRegistry ?? service,
    refreshIntervalMs: values.refreshIntervalMs,
    maxStaleMs: values.maxStaleMs,
    emptyGraceMs: values.emptyGraceMs,
    firstListTimeoutMs: values.firstListTimeoutMs,
    timeoutMs: values.timeoutMs,
    maxInFlight: values.maxInFlight,
    maxInFlightPerInstance: values.maxInFlightPerInstance,
    retry: retryPolicy(own.retry, retryPolicy(base.retry)),
    hedge: hedgePolicy(own.hedge, hedgePolicy(base.hedge)),
    healthCheck: healthChecker(own),
    ...healthSettings(own, base),
    ...overloadSettings(own, base),
  }
}

type HealthSettings = Pick<ServiceSettings, 'outlierDetection' | 'slowStart' | 'panic' | 'zone' | 'subset' | 'routing'>

function healthSettings(own: ServiceOptions, base: OptionValues<typeof serviceTable>): HealthSettings {
  const outlierDetection = merged(own.outlierDetection, base.outlierDetection)
  return {
    outlierDetection: outlierDetection === undefined ? false : outlierDetectionSettings(outlierDetection),
    slowStart: slowStartPolicy(merged(own.slowStart, base.slowStart)),
    panic: panicPolicy(merged(own.panic, base.panic) ?? false),
    zone: zonePolicy(own.zone ?? base.zone),
    // As a whole: it identifies a client in one way or the other.
    subset: (own.subset ?? base.subset) || undefined,
    // As a whole: a fallback goes with its keys.
    routing: (own.routing ?? base.routing) || undefined,
  }
}

type OverloadSettings = Pick<ServiceSettings, 'adaptiveLimit' | 'loadReports' | 'queue' | 'throttle'>

function overloadSettings(own: ServiceOptions, base: OptionValues<typeof serviceTable>): OverloadSettings {
  const queue = merged(own.queue, base.queue)
  return {
    adaptiveLimit: withDefaults(merged(own.adaptiveLimit, base.adaptiveLimit) ?? {}, adaptiveLimitTable),
    loadReports: merged(own.loadReports, base.loadReports),
    queue: queue === undefined ? false : withDefaults(queue, queueTable),
    throttle: merged(own.throttle, base.throttle),
  }
}

/** `own` on top of `base`, field by field; `false` and `undefined` on their own mean off. */
function merged<T extends object>(own: T | false | undefined, base: T | false): T | undefined {
  if (own === false) return undefined
  if (own === undefined) return base === false ? undefined : base
  return base === false ? own : { ...base, ...given(own) }
}

/** The fields of `options` that say something. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
