import type { Balancer } from './balancer/balancer.ts'
import { type BalancerName, checkBalancerName } from './balancer/balancer-by-name.ts'
import type { Clock } from './clock.ts'
import type { ServiceDiscovery } from './discovery/discovery.ts'
import { InvalidOptionError } from './errors.ts'
import { checkClock, checkDurationMs, checkFunction, checkInteger, checkKeys, rejectOption } from './options.ts'
import type { Random } from './random.ts'
import { checkRetryOptions, type RetryOptions, type RetryPolicy, retryPolicy } from './retry/retry-policy.ts'

/** How one service is found, balanced and called. Every field has a default. */
export interface ServiceOptions {
  /**
   * A name, or a function that gives a balancer of its own for each service. Default `round-robin`, which turns into
   * `smooth-weighted-round-robin` as soon as weights differ.
   */
  readonly balancer?: BalancerName | (() => Balancer)
  /** Default: the load balancer's discovery. Closed together with the load balancer. */
  readonly discovery?: ServiceDiscovery
  /** Milliseconds between refreshes, for a discovery that is polled. Default 10 000. */
  readonly refreshIntervalMs?: number
  /**
   * How long the last good list is served when the discovery fails, in milliseconds. Default `Infinity`: an old list
   * is better than none, and instances that are gone are passed over by retries.
   */
  readonly maxStaleMs?: number
  /**
   * How long an empty answer is held back while instances are known, in milliseconds; 0 applies it at once. Default:
   * until one more refresh confirms it.
   */
  readonly emptyGraceMs?: number
  /** How long a call waits for the first list, in milliseconds. Default 5 000. */
  readonly firstListTimeoutMs?: number
  /** Time limit of a call with all its attempts, in milliseconds. Default `Infinity`. */
  readonly timeoutMs?: number
  /** What happens when an attempt fails. `false`: the caller gets the failure at once. */
  readonly retry?: RetryOptions | false
}

/** The top level gives the defaults for every service; `services` overrides them per service, field by field. */
export interface LoadBalancerOptions extends ServiceOptions {
  /** Tells the instances of every service that has no discovery of its own. Closed together with the load balancer. */
  readonly discovery: ServiceDiscovery
  /** By service name. A service that is not listed works too, with the defaults. */
  readonly services?: Readonly<Record<string, ServiceOptions>>
  /**
   * Most services kept at once, so that names taken from requests cannot use up memory. Beyond it an idle service that
   * nobody configured is forgotten. Default 10 000.
   */
  readonly maxServices?: number
  readonly clock?: Clock
  /** Source of all chance: phases, jitter, backoff. Default `Math.random`. */
  readonly random?: Random
}

/** `ServiceOptions` with every default filled in. */
export interface ServiceSettings {
  readonly balancer: BalancerName | (() => Balancer) | undefined
  readonly discovery: ServiceDiscovery
  readonly refreshIntervalMs: number
  readonly maxStaleMs: number
  readonly emptyGraceMs: number | undefined
  readonly firstListTimeoutMs: number
  readonly timeoutMs: number
  readonly retry: RetryPolicy
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
]

const loadBalancerKeys: readonly string[] = [...serviceKeys, 'services', 'maxServices', 'clock', 'random']

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
    checkKeys(path, serviceOptions, serviceKeys)
    checkServiceOptions(path, serviceOptions)
  }
}

/** A name is 1 to 253 characters without white space, control characters or any of `/ ? # @ \`. */
export function checkServiceName(path: string, service: string): void {
  if (typeof service === 'string' && /^[^\s\p{Cc}/?#@\\]{1,253}$/u.test(service)) return
  rejectOption(
    path,
    'a service name: 1 to 253 characters without white space, control characters or any of / ? # @ \\',
    service,
  )
}

/** What holds for a service: its own options, then the load balancer's, then the defaults. */
export function serviceSettings(options: LoadBalancerOptions, service: string): ServiceSettings {
  const { services } = options
  const own: ServiceOptions =
    services !== undefined && Object.hasOwn(services, service) ? (services[service] as ServiceOptions) : {}
  return {
    balancer: own.balancer ?? options.balancer,
    discovery: own.discovery ?? options.discovery,
    refreshIntervalMs: own.refreshIntervalMs ?? options.refreshIntervalMs ?? 10_000,
    maxStaleMs: own.maxStaleMs ?? options.maxStaleMs ?? Number.POSITIVE_INFINITY,
    emptyGraceMs: own.emptyGraceMs ?? options.emptyGraceMs,
    firstListTimeoutMs: own.firstListTimeoutMs ?? options.firstListTimeoutMs ?? 5_000,
    timeoutMs: own.timeoutMs ?? options.timeoutMs ?? Number.POSITIVE_INFINITY,
    retry: retryPolicy(own.retry, retryPolicy(options.retry)),
  }
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
}
