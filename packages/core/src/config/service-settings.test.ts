import { describe, expect, it } from 'vitest'
import { StaticDiscovery } from '../discovery/static-discovery.ts'
import { HealthChecker } from '../health/checks/checker.ts'
import { outlierDetectionSettings } from '../health/outliers/options.ts'
import type { LoadBalancerOptions, ServiceOptions } from './service-options.ts'
import { type ServiceSettings, serviceSettings } from './service-settings.ts'

const discovery = new StaticDiscovery()

function settings(
  options: Omit<LoadBalancerOptions, 'discovery'> & ServiceOptions = {},
  service = 'users',
): ServiceSettings {
  return serviceSettings({ ...options, discovery: options.discovery ?? discovery }, service, () => undefined)
}

describe('serviceSettings', () => {
  it('fills in the documented defaults', () => {
    const { retry, ...others } = settings()
    expect(others).toEqual({
      balancer: undefined,
      probing: {},
      discovery,
      nameInRegistry: 'users',
      refreshIntervalMs: 10_000,
      maxStaleMs: Number.POSITIVE_INFINITY,
      emptyGraceMs: undefined,
      firstListTimeoutMs: 5_000,
      timeoutMs: Number.POSITIVE_INFINITY,
      hedge: undefined,
      healthCheck: undefined,
      outlierDetection: outlierDetectionSettings({}),
      slowStart: undefined,
      panic: { threshold: 0.5, mode: 'all' },
      zone: undefined,
      subset: undefined,
      loadReports: undefined,
      maxInFlight: Number.POSITIVE_INFINITY,
      adaptiveLimit: { min: 2, max: 1_000, initial: 20 },
      maxInFlightPerInstance: Number.POSITIVE_INFINITY,
      queue: { maxSize: 100, maxWaitMs: 1_000 },
      throttle: undefined,
    })
    expect(retry).toMatchObject({ maxRetries: 2, budget: {}, backoffBaseMs: 25, backoffMaxMs: 250 })
  })

  it('takes a service over the top level, field by field, also within retry', () => {
    const own = new StaticDiscovery()
    const options: Partial<LoadBalancerOptions> = {
      balancer: 'random',
      refreshIntervalMs: 1,
      emptyGraceMs: 2,
      timeoutMs: 3,
      maxInFlight: 7,
      retry: { maxRetries: 5, backoffBaseMs: 7, budget: false },
      services: { users: { discovery: own, refreshIntervalMs: 100, emptyGraceMs: 0, retry: { maxRetries: 1 } } },
    }
    expect(settings(options)).toMatchObject({
      balancer: 'random',
      discovery: own,
      refreshIntervalMs: 100,
      emptyGraceMs: 0,
      timeoutMs: 3,
      maxInFlight: 7,
      retry: { maxRetries: 1, backoffBaseMs: 7, budget: false },
    })
    expect(settings(options, 'orders')).toMatchObject({
      discovery,
      refreshIntervalMs: 1,
      emptyGraceMs: 2,
      retry: { maxRetries: 5 },
    })
  })

  it('takes a service over the top level, field by field, in everything about health and overload', () => {
    const options: Partial<LoadBalancerOptions> = {
      outlierDetection: { intervalMs: 1, jitter: 0 },
      slowStart: { windowMs: 1, minimum: 0.5 },
      panic: { threshold: 0.1, mode: 'fail' },
      subset: { size: 5, clientId: 'a' },
      loadReports: { blackoutMs: 1, expiryMs: 2 },
      queue: { maxSize: 3, maxWaitMs: 4 },
      throttle: { ratio: 3, windowMs: 1_000 },
      services: {
        users: {
          outlierDetection: { intervalMs: 2 },
          slowStart: { windowMs: 2 },
          panic: { threshold: 0.2 },
          subset: { size: 6, clientId: 'b' },
          loadReports: { blackoutMs: 3 },
          queue: { maxSize: 5 },
          throttle: { ratio: 4 },
        },
      },
    }
    expect(settings(options)).toMatchObject({
      outlierDetection: { intervalMs: 2, jitter: 0 },
      slowStart: { windowMs: 2, aggression: 1, minimum: 0.5 },
      panic: { threshold: 0.2, mode: 'fail' },
      subset: { size: 6, clientId: 'b' },
      loadReports: { blackoutMs: 3, expiryMs: 2 },
      queue: { maxSize: 5, maxWaitMs: 4 },
      throttle: { ratio: 4, windowMs: 1_000 },
    })
  })

  it('takes the zone as a whole: it says where this process runs', () => {
    const options = { zone: { local: 'a', minInstances: 9 }, services: { users: { zone: 'b' } } }
    expect(settings(options).zone).toMatchObject({ local: 'b', minInstances: 6 })
    expect(settings(options, 'orders').zone).toMatchObject({ local: 'a', minInstances: 9 })
  })

  it('turns off with false what the top level turns on, and on again what it turns off', () => {
    const on: ServiceOptions = {
      outlierDetection: {},
      slowStart: {},
      zone: 'a',
      subset: { size: 1, clientId: 'a' },
      loadReports: {},
      queue: {},
      throttle: {},
      hedge: {},
    }
    const off = Object.fromEntries(Object.keys(on).map((name) => [name, false])) as ServiceOptions
    const without = settings({ ...on, services: { users: off } })
    expect(without).toMatchObject({ outlierDetection: false, queue: false })
    for (const name of ['slowStart', 'zone', 'subset', 'loadReports', 'throttle', 'hedge'] as const) {
      expect(without[name], name).toBeUndefined()
      expect(settings({ ...off, services: { users: on } })[name], name).toBeDefined()
      expect(settings({ ...on, services: { users: {} } })[name], name).toBeDefined()
    }
    expect(settings({ ...off, services: { users: on } })).toMatchObject({
      outlierDetection: {},
      queue: { maxSize: 100 },
    })
    expect(settings({ panic: false }).panic.threshold).toBe(0)
    expect(settings({ services: { users: { panic: false } } }).panic.threshold).toBe(0)
    expect(settings({ panic: false, services: { users: { panic: {} } } }).panic.threshold).toBe(0.5)
    expect(settings({ panic: false, services: { users: { panic: { threshold: 0.4 } } } }).panic.threshold).toBe(0.4)
  })

  it('asks for the health checker with the options of the service itself', () => {
    const checker = new HealthChecker({ probe: () => true })
    const own = { healthCheck: { path: '/own' } }
    const asked: ServiceOptions[] = []
    const { healthCheck } = serviceSettings({ discovery, services: { users: own } }, 'users', (options) => {
      asked.push(options)
      return checker
    })
    expect(healthCheck).toBe(checker)
    expect(asked).toEqual([own])
  })

  it('takes an option that is undefined for one that is absent', () => {
    const base: ServiceOptions = {
      retry: { maxRetries: 7 },
      queue: { maxSize: 7, maxWaitMs: 7 },
      outlierDetection: { baseEjectionMs: 7_000 },
      slowStart: { windowMs: 7_000 },
      throttle: { ratio: 7 },
      maxStaleMs: 7,
    }
    const undefinedOf = (options: object): object =>
      Object.fromEntries(
        Object.entries(options).map(([name, value]) => [
          name,
          typeof value === 'object' ? undefinedOf(value as object) : undefined,
        ]),
      )
    expect(settings({ ...base, services: { users: undefinedOf(base) } })).toEqual(settings(base))
    expect(settings({ services: undefined, ...undefinedOf(base) })).toMatchObject({ refreshIntervalMs: 10_000 })
  })

  it('finds no options under the names of properties of every object', () => {
    expect(settings({ services: {} }, 'constructor').refreshIntervalMs).toBe(10_000)
    const services = JSON.parse('{"__proto__":{"refreshIntervalMs":7}}') as Record<string, ServiceOptions>
    expect(settings({ services }, '__proto__').refreshIntervalMs).toBe(7)
    expect(settings({ services }).refreshIntervalMs).toBe(10_000)
  })
})
