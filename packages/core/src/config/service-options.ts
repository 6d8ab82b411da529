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

/** How one service is found, balanced and called. Every field has a default. */
export interface ServiceOptions {
  /**
   * A name, or a function that gives a new balancer each time: one for each service, and within it for each priority
   * level and zone that gets traffic. Default `round-robin`, which turns into `smooth-weighted-round-robin` as soon as
   * weights differ.
   */
  readonly balancer?: (BalancerName | (() => Balancer)) | undefined
  /** Default: the load balancer's discovery. Closed as that is. */
  readonly discovery?: ServiceDiscovery | undefined
  /** Milliseconds between refreshes, for a discovery that is polled. Default 10 000. */
  readonly refreshIntervalMs?: number | undefined
  /**
   * How long the last good list is served when the discovery fails, in milliseconds. Default `Infinity`: an old list
   * is better than none, and instances that are gone are passed over by retries.
   */
  readonly maxStaleMs?: number | undefined
  /**
   * How long an empty answer is held back while instances are known, in milliseconds; 0 applies it at once. Default:
   * until one more refresh confirms it.
   */
  readonly emptyGraceMs?: number | undefined
  /** How long a call waits for the first list, in milliseconds. Default 5 000. */
  readonly firstListTimeoutMs?: number | undefined
  /** Time limit of a call with all its attempts, in milliseconds. Default `Infinity`. */
  readonly timeoutMs?: number | undefined
  /** What happens when an attempt fails. `false`: the caller gets the failure at once. */
  readonly retry?: RetryOptions | false | undefined
  /** Starts a second attempt beside one that takes long. Default `false`. */
  readonly hedge?: HedgeOptions | false | undefined
  /**
   * Asks each instance for its health. Default `false`, as nobody knows what an instance answers to; `{}` asks for
   * `GET /health`. A HealthChecker is shared by everybody it is given to, and stays yours to close.
   */
  readonly healthCheck?: HealthCheckOptions | HealthChecker | false | undefined
  /** Takes instances out whose answers are bad, or that give none. On by default. */
  readonly outlierDetection?: OutlierDetectionOptions | false | undefined
  /** Lets instances that join or recover take their share little by little. Default `false`. */
  readonly slowStart?: SlowStartOptions | false | undefined
  /** What happens when few instances are healthy. Default: below one half health is ignored. */
  readonly panic?: PanicOptions | false | undefined
  /** The zone this process runs in: instances there are preferred. Default `false`. */
  readonly zone?: ZoneOptions | string | false | undefined
  /** Uses only some of many instances, the same ones always, each client others. Default `false`: all. */
  readonly subset?: SubsetOptions | false | undefined
  /** Learns weights from the load reports that instances send with their answers (ORCA). Default `false`. */
  readonly loadReports?: LoadReportOptions | false | undefined
  /** Most requests in flight at once, on all instances together. Default `Infinity`. */
  readonly maxInFlight?: number | undefined
  /** Most requests in flight at once on any one instance. Default `Infinity`. */
  readonly maxInFlightPerInstance?: number | undefined
  /** Where calls wait when those limits are reached. `false`: they are refused at once. */
  readonly queue?: QueueOptions | false | undefined
  /** Refuses calls here while the service refuses most of them. Default `false`. */
  readonly throttle?: ThrottleOptions | false | undefined
}

/** The options of one service under `services`. */
export interface ConfiguredServiceOptions extends ServiceOptions {
  /**
   * What the discovery is asked for: for a name in the registry that cannot be the host of a URL, such as `PAY@@orders`, or is another one.
   * Default: the name under `services`.
   */
  readonly nameInRegistry?: string | undefined
}

/** The top level gives the defaults for every service; `services` overrides them per service, field by field. */
export interface LoadBalancerOptions extends ServiceOptions {
  /**
   * Tells the instances of every service that has no discovery of its own. Closed together with the last load balancer, or composite,
   * that uses it.
   */
  readonly discovery: ServiceDiscovery
  /** `false`: the discoveries stay open, for whatever else uses them, and are yours to close. Default `true`. */
  readonly closeDiscoveries?: boolean | undefined
  /** By service name. A service that is not listed works too, with the defaults. */
  readonly services?: Readonly<Record<string, ConfiguredServiceOptions>> | undefined
  /**
   * Most services kept at once, so that names taken from requests cannot use up memory. Beyond it an idle service that
   * nobody configured is forgotten. Default 10 000.
   */
  readonly maxServices?: number | undefined
  readonly clock?: Clock | undefined
  /** Source of all chance: phases, jitter, backoff. Default `Math.random`. */
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
