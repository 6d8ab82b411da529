import { describe, expect, it } from 'vitest'
import { StaticDiscovery } from '../discovery/static-discovery.ts'
import { HealthChecker } from '../health/checks/checker.ts'
import { copyOptions } from './copy-options.ts'
import type { LoadBalancerOptions, ServiceOptions } from './service-options.ts'

const discovery = new StaticDiscovery()

function mutable(): ServiceOptions {
  return {
    retry: { maxRetries: 1, statusCodes: [503], budget: { ratio: 0.1 } },
    hedge: { delayMs: 5 },
    healthCheck: { headers: { authorization: 'x' }, expectedStatuses: [200] },
    outlierDetection: { failurePercentage: { threshold: 50 }, noAnswer: { afterMs: 100 } },
    slowStart: { windowMs: 5 },
    panic: { threshold: 0.1 },
    zone: { local: 'a', clients: { a: 1 } },
    subset: { size: 1, clientId: 'x' },
    loadReports: { blackoutMs: 5 },
    queue: { maxSize: 5 },
    throttle: { ratio: 3 },
  }
}

/** Every object and array within `value`. */
function parts(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return []
  return [value, ...Object.values(value).flatMap(parts)]
}

describe('copyOptions', () => {
  it('equals what it copies', () => {
    const options: LoadBalancerOptions = { ...mutable(), discovery, services: { users: mutable(), orders: {} } }
    expect(copyOptions(options)).toEqual(options)
    expect(copyOptions({ discovery })).toEqual({ discovery, services: {} })
    const off: ServiceOptions = { retry: false, hedge: false, healthCheck: false, zone: 'a', slowStart: false }
    expect(copyOptions({ ...off, discovery, services: { users: off } })).toEqual({
      discovery,
      ...off,
      services: { users: off },
    })
  })

  it('shares no object with it, however deep', () => {
    const options: LoadBalancerOptions = { ...mutable(), discovery, services: { users: mutable() } }
    const { discovery: same, ...copy } = copyOptions(options)
    expect(same).toBe(discovery)
    const originals = new Set(parts({ ...options, discovery: undefined }))
    const copied = parts(copy)
    expect(copied.length).toBeGreaterThan(30)
    expect(copied.filter((part) => originals.has(part))).toEqual([])
  })

  it('keeps what is the application’s: functions, discoveries and health checkers', () => {
    const probe = (): boolean => true
    const healthCheck = new HealthChecker({ probe })
    const own = new StaticDiscovery()
    const balancer = (): never => {
      throw new Error('not called')
    }
    const options: LoadBalancerOptions = {
      discovery,
      balancer,
      healthCheck,
      services: { users: { discovery: own, healthCheck: { probe } }, orders: { healthCheck } },
    }
    const copy = copyOptions(options)
    expect(copy.balancer).toBe(balancer)
    expect(copy.healthCheck).toBe(healthCheck)
    expect(copy.services?.users?.discovery).toBe(own)
    expect(copy.services?.users?.healthCheck).toEqual({ probe })
    expect(copy.services?.orders?.healthCheck).toBe(healthCheck)
  })

  it('keeps a service whose name is that of a property of every object', () => {
    const services = JSON.parse('{"__proto__":{"timeoutMs":7},"constructor":{"timeoutMs":8}}')
    expect(Object.entries(copyOptions({ discovery, services }).services ?? {})).toEqual([
      ['__proto__', { timeoutMs: 7 }],
      ['constructor', { timeoutMs: 8 }],
    ])
  })
})
