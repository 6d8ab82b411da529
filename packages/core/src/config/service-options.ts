import type { Balancer } from '../balancer/balancer.ts'
import { checkBalancerName } from '../balancer/balancer-by-name.ts'
import type { BalancerName } from '../balancer/balancer-name.ts'
import { type ProbingOptions, probingTable } from '../balancer/probing/options.ts'
import type { Clock } from '../base/clock.ts'
import { InvalidOptionError } from '../base/errors.ts'
import { checkKeys, hasMethod, rejectOption } from '../base/option-checks.ts'
import {
  booleanOption,
  checkOptions,
  clockOption,
  type DefaultedOption,
  durationOption,
  integerOption,
  limitOption,
  type Option,
  type OptionTable,
  objectOption,
  randomOption,
  withDefaults,
} from '../base/option-table.ts'
import type { Random } from '../base/random.ts'
import type { ServiceDiscovery } from '../discovery/discovery.ts'
import { type HealthChecker, isHealthChecker } from '../health/checks/checker.ts'
import { type HealthCheckOptions, healthCheckOption } from '../health/checks/options.ts'
import { type PanicOptions, panicTable } from '../health/eligibility/panic.ts'
import { type SlowStartOptions, slowStartTable } from '../health/eligibility/slow-start.ts'
import { type ZoneOptions, zoneOption } from '../health/eligibility/zone-options.ts'
import { type OutlierDetectionOptions, outlierDetectionTable } from '../health/outliers/options.ts'
import { type RoutingOptions, routingOption } from '../instance/routing-options.ts'
import { type SubsetOptions, subsetOption } from '../instance/subset.ts'
import { type LoadReportOptions, loadReportTable } from '../load-report/options.ts'
import { type ThrottleOptions, throttleTable } from '../overload/client-throttle.ts'
import { type AdaptiveLimitOptions, adaptiveLimitTable } from '../overload/gradient-limit.ts'
import { type QueueOptions, queueTable } from '../overload/queue-options.ts'
import { type HedgeOptions, hedgeTable } from '../retry/hedging.ts'
import { type RetryOptions, retryTable } from '../retry/retry-policy.ts'

/** How lb finds, balances and calls one service. Every field has a default. */
export interface ServiceOptions {
  /**
   * The name of a balancer, or a function that creates a new one each time: one for each service, and within it one for
   * each priority level and zone with traffic.
   * @default 'round-robin', which becomes 'smooth-weighted-round-robin' as soon as weights differ
   */
  readonly balancer?: (BalancerName | (() => Balancer)) | undefined
  /** How `balancer: 'probing'` asks instances for their load. Without effect for other balancers. @default {} */
  readonly probing?: ProbingOptions | undefined
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
  /** Routes requests by their `match`, only to instances whose metadata say so. @default false */
  readonly routing?: RoutingOptions | false | undefined
  /** Learns weights from the load reports in the instances' responses (ORCA). @default false */
  readonly loadReports?: LoadReportOptions | false | undefined
  /**
   * Most requests in flight on all instances together. `adaptive`: a limit that follows the latency, on the requests whose response has not
   * begun.
   * @default Infinity
   */
  readonly maxInFlight?: number | 'adaptive' | undefined
  /** Most requests in flight on any one instance; `adaptive` as above, for each instance its own. @default Infinity */
  readonly maxInFlightPerInstance?: number | 'adaptive' | undefined
  /** Bounds of those limits that are adaptive. Without effect for others. @default {} */
  readonly adaptiveLimit?: AdaptiveLimitOptions | undefined
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

const balancerOption: Option<BalancerName | (() => Balancer)> = {
  legal: 'name of a balancer, or function that creates one',
  check: (path, given) => {
    if (typeof given === 'string') checkBalancerName(path, given)
    else if (given !== undefined && typeof given !== 'function') {
      rejectOption(path, 'the name of a balancer, or a function that gives one', given)
    }
  },
}

const discoveryOption: Option<ServiceDiscovery> = {
  legal: 'ServiceDiscovery',
  check: (path, given) => {
    if (given !== undefined && !hasMethod(given, 'getInstances')) {
      rejectOption(path, 'a ServiceDiscovery with getInstances', given)
    }
  },
}

const healthCheckerOption: DefaultedOption<HealthCheckOptions | HealthChecker | false> = {
  ...healthCheckOption,
  legal: 'object, HealthChecker, or false',
  check: (path, given) => {
    if (!isHealthChecker(given)) healthCheckOption.check(path, given)
  },
}

const probingOption: DefaultedOption<ProbingOptions> = {
  legal: 'object',
  default: {},
  fields: probingTable,
  copied: true,
  check: (path, given) => {
    if (given !== undefined) checkOptions(path, given, probingTable)
  },
}

const adaptiveLimitOption: DefaultedOption<AdaptiveLimitOptions> = {
  legal: 'object',
  default: {},
  fields: adaptiveLimitTable,
  copied: true,
  check: (path, given) => {
    if (given === undefined) return
    checkOptions(path, given, adaptiveLimitTable)
    const { min, max } = withDefaults(Object(given) as AdaptiveLimitOptions, adaptiveLimitTable)
    if (min > max) rejectOption(`${path}.min`, `at most ${path}.max (${max})`, min)
  },
}

/** Without a default: the comments of the interface say what holds. */
type OpenOption = 'balancer' | 'discovery' | 'emptyGraceMs'

/** Every option of a service. */
export const serviceTable: OptionTable<ServiceOptions, OpenOption> = {
  balancer: balancerOption,
  probing: probingOption,
  discovery: discoveryOption,
  refreshIntervalMs: durationOption({ min: 1, default: 10_000 }),
  maxStaleMs: durationOption({ infinite: true, default: Number.POSITIVE_INFINITY }),
  emptyGraceMs: durationOption({}),
  firstListTimeoutMs: durationOption({ default: 5_000 }),
  timeoutMs: durationOption({ min: 1, infinite: true, default: Number.POSITIVE_INFINITY }),
  retry: objectOption(retryTable, {}),
  hedge: objectOption(hedgeTable, false),
  healthCheck: healthCheckerOption,
  outlierDetection: objectOption(outlierDetectionTable, {}),
  slowStart: objectOption(slowStartTable, false),
  panic: objectOption(panicTable, {}),
  zone: zoneOption,
  subset: subsetOption,
  routing: routingOption,
  loadReports: objectOption(loadReportTable, false),
  maxInFlight: limitOption('adaptive'),
  maxInFlightPerInstance: limitOption('adaptive'),
  adaptiveLimit: adaptiveLimitOption,
  queue: objectOption(queueTable, {}),
  throttle: objectOption(throttleTable, false),
}

/** Every option of a service under `services`. */
export const configuredServiceTable: OptionTable<ConfiguredServiceOptions, OpenOption | 'nameInRegistry'> = {
  ...serviceTable,
  nameInRegistry: {
    legal: 'service name: 1 to 1024 characters without control characters',
    check: (path, given) => {
      if (given !== undefined) checkServiceName(path, given)
    },
  },
}

/** Every option of a load balancer. */
export const loadBalancerTable: OptionTable<LoadBalancerOptions, OpenOption> = {
  ...serviceTable,
  closeDiscoveries: booleanOption(true),
  maxServices: integerOption({ min: 1, default: 10_000 }),
  random: randomOption(),
  clock: clockOption(),
  services: { legal: 'object of service names and options', default: {}, check: checkServices },
}

/** @throws InvalidOptionError naming the option by its path */
export function checkLoadBalancerOptions(options: LoadBalancerOptions): void {
  checkKeys('LoadBalancer', options, Object.keys(loadBalancerTable))
  if (options.discovery === undefined) {
    throw new InvalidOptionError(
      'LoadBalancer.discovery',
      'LoadBalancer.discovery is missing. Give a ServiceDiscovery, such as new StaticDiscovery({ ... })',
    )
  }
  checkOptions('LoadBalancer', options, loadBalancerTable)
}

function checkServices(path: string, services: unknown): void {
  if (services === undefined) return
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    rejectOption(path, 'an object of service names and options', services)
  }
  for (const [service, options] of Object.entries(services)) {
    checkServiceName(path, service)
    checkOptions(`${path}.${service}`, options, configuredServiceTable)
  }
}

/** A name is 1 to 1024 characters without control characters: what else a registry takes is for its discovery to say. */
export function checkServiceName(path: string, service: unknown): void {
  if (typeof service === 'string' && /^[^\p{Cc}]{1,1024}$/u.test(service)) return
  rejectOption(path, 'a service name: 1 to 1024 characters without control characters', service)
}
