import type { Balancer } from '../balancer/balancer.ts'
import { type BalancerName, checkBalancerName } from '../balancer/balancer-by-name.ts'
import type { Clock } from '../base/clock.ts'
import { InvalidOptionError } from '../base/errors.ts'
import {
  checkBoolean,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  rejectOption,
} from '../base/option-checks.ts'
import type { Random } from '../base/random.ts'
import type { ServiceDiscovery } from '../discovery/discovery.ts'
import type { HealthChecker } from '../health/checks/checker.ts'
import { checkHealthCheckOptions, type HealthCheckOptions } from '../health/checks/options.ts'
import { checkPanicOptions, type PanicOptions } from '../health/eligibility/panic.ts'
import { checkSlowStartOptions, type SlowStartOptions } from '../health/eligibility/slow-start.ts'
import { checkZoneOptions, type ZoneOptions } from '../health/eligibility/zone-routing.ts'
import { checkOutlierDetectionOptions, type OutlierDetectionOptions } from '../health/outliers/options.ts'
import { checkSubset, type SubsetOptions } from '../instance/subset.ts'
import { checkLoadReportOptions, type LoadReportOptions } from '../load-report/learned-weights.ts'
import { checkThrottleOptions, type ThrottleOptions } from '../overload/client-throttle.ts'
import { checkQueueOptions, type QueueOptions } from '../overload/queue-options.ts'
import { checkHedgeOptions, type HedgeOptions } from '../retry/hedging.ts'
import { checkRetryOptions, type RetryOptions } from '../retry/retry-policy.ts'

/** How lb finds, balances and calls one service. Every field has a default. */
export interface ServiceOptions {
  /**
   * The name of a balancer, or a function that creates a new one each time: one for each service, and within it one for
   * each priority level and zone with traffic.
   * @default 'round-robin', which becomes 'smooth-weighted-round-robin' as soon as weights differ
   */
  readonly balancer?: (BalancerName | (() => Balancer)) | undefined
  /**
   * The source of the service's instances. It is closed like the load balancer's discovery.
   * @default the discovery of the load balancer
   */
  readonly discovery?: ServiceDiscovery | undefined
  /** Time between refreshes of a polled discovery, in milliseconds, ≥ 1. @default 10_000 */
  readonly refreshIntervalMs?: number | undefined
  /**
   * How long lb keeps using the last good list while the discovery fails, in milliseconds, ≥ 0 or `Infinity`. With
   * `Infinity`, an old list is better than none, and retries skip instances that are gone.
   * @default Infinity
   */
  readonly maxStaleMs?: number | undefined
  /**
   * How long an empty list is held back while instances are known, in milliseconds; 0 applies it at once.
   * @default until one more refresh confirms it
   */
  readonly emptyGraceMs?: number | undefined
  /** How long a call waits for the first list, in milliseconds. @default 5_000 */
  readonly firstListTimeoutMs?: number | undefined
  /** Time limit of a call, including all its attempts, in milliseconds, or `Infinity`. @default Infinity */
  readonly timeoutMs?: number | undefined
  /** Retries of failed attempts. With `false`, the caller gets the failure at once. @default {} */
  readonly retry?: RetryOptions | false | undefined
  /** Starts a second attempt beside one that takes long. @default false */
  readonly hedge?: HedgeOptions | false | undefined
  /**
   * Requests the health of each instance. `{}` requests `GET /health`; it is off by default because lb does not know
   * what an instance responds to. A HealthChecker may be shared by several load balancers, and its creator must close
   * it.
   * @default false
   */
  readonly healthCheck?: HealthCheckOptions | HealthChecker | false | undefined
  /** Ejects instances whose responses fail, or that do not respond. @default {} */
  readonly outlierDetection?: OutlierDetectionOptions | false | undefined
  /** Increases the share of new and recovered instances gradually. @default false */
  readonly slowStart?: SlowStartOptions | false | undefined
  /**
   * What happens if few instances are healthy. `false`: health is never ignored.
   * @default {}: health is ignored if less than one half are healthy
   */
  readonly panic?: PanicOptions | false | undefined
  /** The zone of this process; instances in it are preferred. @default false */
  readonly zone?: ZoneOptions | string | false | undefined
  /** Uses only some of many instances: always the same ones, and different ones for each client. @default false */
  readonly subset?: SubsetOptions | false | undefined
  /** Learns weights from the load reports in the instances' responses (ORCA). @default false */
  readonly loadReports?: LoadReportOptions | false | undefined
  /** Most requests in flight on all instances together. @default Infinity */
  readonly maxInFlight?: number | undefined
  /** Most requests in flight on any one instance. @default Infinity */
  readonly maxInFlightPerInstance?: number | undefined
  /** Where calls wait if those limits are reached. `false`: they are rejected at once. @default {} */
  readonly queue?: QueueOptions | false | undefined
  /** Rejects calls locally while the service rejects most of them. @default false */
  readonly throttle?: ThrottleOptions | false | undefined
}

/** The options of one service under `services`. */
export interface ConfiguredServiceOptions extends ServiceOptions {
  /**
   * The name to look up in the registry, for a name that differs or cannot be the host of a URL, such as `PAY@@orders`.
   * @default the name under `services`
   */
  readonly nameInRegistry?: string | undefined
}

/** Options at the top level apply to every service; `services` overrides them per service, field by field. */
export interface LoadBalancerOptions extends ServiceOptions {
  /**
   * The source of instances for every service without its own discovery. It is closed with the last load balancer, or
   * composite, that uses it.
   */
  readonly discovery: ServiceDiscovery
  /** `false` leaves the discoveries open for other uses; the application must close them. @default true */
  readonly closeDiscoveries?: boolean | undefined
  /** Options by service name. A service that is not listed works too, with the defaults. @default {} */
  readonly services?: Readonly<Record<string, ConfiguredServiceOptions>> | undefined
  /**
   * Most services kept at once, ≥ 1, so that names from requests cannot exhaust memory. Beyond it, an idle service that
   * is not configured is forgotten.
   * @default 10_000
   */
  readonly maxServices?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1), for phases, jitter and backoff. @default Math.random */
  readonly random?: Random | undefined
}

const serviceKeys: readonly (keyof ServiceOptions)[] = [
  'balancer',
  'discovery',
  'refreshIntervalMs',
  'maxStaleMs',
  'emptyGraceMs',
  'firstListTimeoutMs',
  'timeoutMs',
  'retry',
  'hedge',
  'healthCheck',
  'outlierDetection',
  'slowStart',
  'panic',
  'zone',
  'subset',
  'loadReports',
  'maxInFlight',
  'maxInFlightPerInstance',
  'queue',
  'throttle',
]

const configuredServiceKeys: readonly (keyof ConfiguredServiceOptions)[] = [...serviceKeys, 'nameInRegistry']

const loadBalancerKeys: readonly string[] = [
  ...serviceKeys,
  'closeDiscoveries',
  'services',
  'maxServices',
  'clock',
  'random',
]

/** @throws InvalidOptionError naming the option by its path */
export function checkLoadBalancerOptions(options: LoadBalancerOptions): void {
  checkKeys('LoadBalancer', options, loadBalancerKeys)
  if (options.discovery === undefined) {
    throw new InvalidOptionError(
      'LoadBalancer.discovery',
      'LoadBalancer.discovery is missing. Give a ServiceDiscovery, such as new StaticDiscovery({ ... })',
    )
  }
  checkServiceOptions('LoadBalancer', options)
  checkBoolean('LoadBalancer.closeDiscoveries', options.closeDiscoveries)
  checkInteger('LoadBalancer.maxServices', options.maxServices, 1, Number.MAX_SAFE_INTEGER)
  checkFunction('LoadBalancer.random', options.random)
  checkClock('LoadBalancer.clock', options.clock)
  const { services } = options
  if (services === undefined) return
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    rejectOption('LoadBalancer.services', 'an object of service names and options', services)
  }
  for (const [service, serviceOptions] of Object.entries(services)) {
    checkServiceName('LoadBalancer.services', service)
    const path = `LoadBalancer.services.${service}`
    checkKeys(path, serviceOptions, configuredServiceKeys)
    checkServiceOptions(path, serviceOptions)
    const { nameInRegistry } = serviceOptions
    if (nameInRegistry !== undefined) checkServiceName(`${path}.nameInRegistry`, nameInRegistry)
  }
}

/** A name is 1 to 1024 characters without control characters: what else a registry takes is for its discovery to say. */
export function checkServiceName(path: string, service: string): void {
  if (typeof service === 'string' && /^[^\p{Cc}]{1,1024}$/u.test(service)) return
  rejectOption(path, 'a service name: 1 to 1024 characters without control characters', service)
}

/** Whether `healthCheck` is a checker and not the options for one: of whatever copy of this package. */
export function isHealthChecker(value: ServiceOptions['healthCheck']): value is HealthChecker {
  return typeof value === 'object' && 'watch' in value && typeof value.watch === 'function'
}

function checkServiceOptions(path: string, options: ServiceOptions): void {
  const { balancer, discovery } = options
  if (typeof balancer === 'string') checkBalancerName(`${path}.balancer`, balancer)
  else if (balancer !== undefined && typeof balancer !== 'function') {
    rejectOption(`${path}.balancer`, 'the name of a balancer, or a function that gives one', balancer)
  }
  if (discovery !== undefined && typeof discovery?.getInstances !== 'function') {
    rejectOption(`${path}.discovery`, 'a ServiceDiscovery with getInstances', discovery)
  }
  checkDurationMs(`${path}.refreshIntervalMs`, options.refreshIntervalMs, { min: 1 })
  checkDurationMs(`${path}.maxStaleMs`, options.maxStaleMs, { infinite: true })
  checkDurationMs(`${path}.emptyGraceMs`, options.emptyGraceMs)
  checkDurationMs(`${path}.firstListTimeoutMs`, options.firstListTimeoutMs)
  checkDurationMs(`${path}.timeoutMs`, options.timeoutMs, { min: 1, infinite: true })
  if (options.retry !== undefined) checkRetryOptions(`${path}.retry`, options.retry)
  if (options.hedge !== undefined) checkHedgeOptions(`${path}.hedge`, options.hedge)
  checkHealth(path, options)
  checkOverload(path, options)
}

function checkHealth(path: string, options: ServiceOptions): void {
  const { healthCheck, outlierDetection, slowStart, panic, zone, subset } = options
  if (healthCheck !== undefined && healthCheck !== false && !isHealthChecker(healthCheck ?? {})) {
    checkHealthCheckOptions(`${path}.healthCheck`, healthCheck as HealthCheckOptions)
  }
  if (outlierDetection !== undefined && outlierDetection !== false) {
    checkOutlierDetectionOptions(`${path}.outlierDetection`, outlierDetection)
  }
  if (slowStart !== undefined) checkSlowStartOptions(`${path}.slowStart`, slowStart)
  if (panic !== undefined) checkPanicOptions(`${path}.panic`, panic)
  if (zone !== undefined) checkZoneOptions(`${path}.zone`, zone)
  if (subset !== undefined && subset !== false) checkSubset(`${path}.subset`, subset)
}

function checkOverload(path: string, options: ServiceOptions): void {
  const { maxInFlight, maxInFlightPerInstance, queue, throttle, loadReports } = options
  checkLimit(`${path}.maxInFlight`, maxInFlight)
  checkLimit(`${path}.maxInFlightPerInstance`, maxInFlightPerInstance)
  if (queue !== undefined && queue !== false) checkQueueOptions(`${path}.queue`, queue)
  if (throttle !== undefined && throttle !== false) checkThrottleOptions(`${path}.throttle`, throttle)
  if (loadReports !== undefined && loadReports !== false) checkLoadReportOptions(`${path}.loadReports`, loadReports)
}

function checkLimit(path: string, value: number | undefined): void {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return
  if (!Number.isSafeInteger(value) || value < 1) rejectOption(path, 'an integer ≥ 1, or Infinity', value)
}
