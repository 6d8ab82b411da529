import type { Option } from '../base/option-table.ts'
import { isHealthChecker } from '../health/checks/checker.ts'
import { type LoadBalancerOptions, type ServiceOptions, serviceTable } from './service-options.ts'

/** A copy of `options` that later changes to the caller's objects do not reach. */
export function copyOptions(options: LoadBalancerOptions): LoadBalancerOptions {
  const services = Object.entries(options.services ?? {})
  return {
    ...copyServiceOptions(options),
    services: Object.fromEntries(services.map(([service, own]) => [service, copyServiceOptions(own)])),
  }
}

function copyServiceOptions<T extends ServiceOptions>(options: T): T {
  const entries = Object.entries<Option<unknown>>(serviceTable).filter(([, { copied }]) => copied === true)
  const given = entries.map(([name]) => [name, Reflect.get(options, name)] as const)
  const objects = given.filter(([, value]) => typeof value === 'object')
  return { ...options, ...Object.fromEntries(objects.map(([name, value]) => [name, copyOf(value)])) }
}

function copyOf(value: unknown): unknown {
  return isHealthChecker(value) ? value : deepCopy(value)
}

function deepCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepCopy)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, deepCopy(entry)]))
}
