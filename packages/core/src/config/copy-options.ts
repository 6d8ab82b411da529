import { isHealthChecker, type LoadBalancerOptions, type ServiceOptions } from './service-options.ts'

/** Options that are objects of ours. All others are values, functions, or objects of the application's. */
const nested: readonly (keyof ServiceOptions)[] = [
  'retry',
  'hedge',
  'healthCheck',
  'outlierDetection',
  'slowStart',
  'panic',
  'zone',
  'subset',
  'loadReports',
  'queue',
  'throttle',
]

/** A copy of `options` that later changes to the caller's objects do not reach. */
export function copyOptions(options: LoadBalancerOptions): LoadBalancerOptions {
  const services = Object.entries(options.services ?? {})
  return {
    ...copyServiceOptions(options),
    services: Object.fromEntries(services.map(([service, own]) => [service, copyServiceOptions(own)])),
  }
}

function copyServiceOptions<T extends ServiceOptions>(options: T): T {
  const given = nested.map((key) => [key, options[key]] as const).filter(([, value]) => typeof value === 'object')
  return { ...options, ...Object.fromEntries(given.map(([key, value]) => [key, copyOf(value)])) }
}

function copyOf(value: unknown): unknown {
  return isHealthChecker(value as ServiceOptions['healthCheck']) ? value : deepCopy(value)
}

function deepCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepCopy)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, deepCopy(entry)]))
}
