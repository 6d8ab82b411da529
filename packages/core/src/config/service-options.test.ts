import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { StaticDiscovery } from '../discovery/static-discovery.ts'
import { HealthChecker } from '../health/checks/checker.ts'
import {
  checkLoadBalancerOptions,
  checkServiceName,
  type LoadBalancerOptions,
  type ServiceOptions,
} from './service-options.ts'

const discovery = new StaticDiscovery()

/** Checks options that code without types can pass. */
function check(options: object): void {
  checkLoadBalancerOptions({ discovery, ...options })
}

describe('checkLoadBalancerOptions', () => {
  it('passes every option with a legal value', () => {
    const service: ServiceOptions = {
      balancer: 'random',
      discovery,
      refreshIntervalMs: 1,
      maxStaleMs: Number.POSITIVE_INFINITY,
      emptyGraceMs: 0,
      firstListTimeoutMs: 0,
      timeoutMs: Number.POSITIVE_INFINITY,
      retry: {
        maxRetries: 0,
        budget: { ratio: 0.1, minPerSecond: 0, windowMs: 10 },
        backoffBaseMs: 0,
        backoffMaxMs: 0,
        attemptTimeoutMs: 1,
        statusCodes: [429],
      },
      hedge: { delayMs: 0, percentile: 99, maxHedges: 1, minDelayMs: 0 },
      healthCheck: { path: '/health', keepRemovedMs: 0 },
      outlierDetection: { consecutiveServerErrors: false, noAnswer: { afterMs: 100, minimumRequests: 1 } },
      slowStart: { windowMs: 1, aggression: 1, minimum: 1 },
      panic: { threshold: 0, mode: 'fail' },
      zone: { local: 'a', clients: { a: 1 } },
      subset: { size: 1, clientId: 'x' },
      loadReports: { blackoutMs: 0 },
      maxInFlight: 1,
      maxInFlightPerInstance: Number.POSITIVE_INFINITY,
      queue: { maxSize: 0, maxWaitMs: 0 },
      throttle: { ratio: 2, windowMs: 120_000 },
    }
    check({ ...service, services: { users: service, orders: { retry: false } }, maxServices: 1, random: Math.random })
    check({ retry: { budget: false } })
    const off = [
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
    check(Object.fromEntries(off.map((name) => [name, false])))
    check({ zone: 'a', healthCheck: new HealthChecker({ probe: () => true }) })
    check({ clock: { now: () => 0, setTimeout: () => () => {} } })
  })

  it('asks for the discovery that is missing', () => {
    const build = (): void => checkLoadBalancerOptions({} as LoadBalancerOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        option: 'LoadBalancer.discovery',
        message: 'LoadBalancer.discovery is missing. Give a ServiceDiscovery, such as new StaticDiscovery({ ... })',
      }),
    )
  })

  it.each([
    [null, 'null (object)'],
    [undefined, 'undefined (undefined)'],
    ['x', '"x" (string)'],
  ])('refuses %s as options', (options, got) => {
    expect(() => checkLoadBalancerOptions(options as unknown as LoadBalancerOptions)).toThrow(
      expect.objectContaining({ option: 'LoadBalancer', message: `LoadBalancer must be an object, got ${got}` }),
    )
  })

  it.each([
    [{ balancr: 'random' }, 'balancr', 'balancer'],
    [{ maxService: 1 }, 'maxService', 'maxServices'],
    [{ services: { users: { refreshInterval: 5 } } }, 'services.users.refreshInterval', 'refreshIntervalMs'],
    [{ services: { users: { retry: { maxRetrys: 5 } } } }, 'services.users.retry.maxRetrys', 'maxRetries'],
    [{ retry: { maxretries: 5 } }, 'retry.maxretries', 'maxRetries'],
    [{ retry: { budget: { ration: 5 } } }, 'retry.budget.ration', 'ratio'],
    [{ outlierDetection: { enforced: true } }, 'outlierDetection.enforced', 'enforce'],
    [{ outlierDetection: { noAnswer: { after: 5 } } }, 'outlierDetection.noAnswer.after', 'afterMs'],
    [{ slowStart: { window: 5 } }, 'slowStart.window', 'windowMs'],
    [{ healthCheck: { interval: 5 } }, 'healthCheck.interval', 'intervalMs'],
    [{ zone: { local: 'a', client: {} } }, 'zone.client', 'clients'],
    [
      { services: { users: { retry: { budget: { windowMS: 5 } } } } },
      'services.users.retry.budget.windowMS',
      'windowMs',
    ],
  ])('suggests the nearest name: %j', (options, path, nearest) => {
    expect(() => check(options)).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        option: `LoadBalancer.${path}`,
        message: `LoadBalancer.${path} is not a known option. Did you mean ${nearest}?`,
      }),
    )
  })

  it('does not take the options of the load balancer for those of a service', () => {
    for (const key of ['services', 'maxServices', 'clock', 'random']) {
      expect(() => check({ services: { users: { [key]: undefined } } })).toThrow(
        expect.objectContaining({ option: `LoadBalancer.services.users.${key}` }),
      )
    }
  })

  it.each([
    ['balancer', 'round-robbin', /one of round-robin, .+, got "round-robbin" \(string\)\. Did you mean round-robin\?$/],
    ['balancer', 'toString', /one of round-robin, .+, got "toString" \(string\)$/],
    ['balancer', null, /the name of a balancer, or a function that gives one, got null/],
    ['balancer', {}, /the name of a balancer, or a function that gives one, got an object/],
    ['discovery', null, /a ServiceDiscovery with getInstances, got null/],
    ['discovery', {}, /a ServiceDiscovery with getInstances, got an object/],
    ['refreshIntervalMs', 0, /a number of milliseconds in \[1, 2147483647\], got 0/],
    ['refreshIntervalMs', Number.POSITIVE_INFINITY, /a number of milliseconds in \[1, 2147483647\], got Infinity/],
    ['refreshIntervalMs', null, /a number of milliseconds in .+, got null/],
    ['maxStaleMs', -1, /a number of milliseconds in \[0, 2147483647\], or Infinity, got -1/],
    ['emptyGraceMs', '5', /a number of milliseconds in .+, got "5" \(string\)/],
    ['firstListTimeoutMs', Number.NaN, /a number of milliseconds in .+, got NaN/],
    ['timeoutMs', 0, /a number of milliseconds in \[1, 2147483647\], or Infinity, got 0/],
    ['retry', null, /an object, got null/],
    ['retry', true, /an object, got true/],
    ['retry.maxRetries', -1, /an integer in \[0, 100\], got -1/],
    ['retry.maxRetries', 1.5, /an integer in \[0, 100\], got 1\.5/],
    ['retry.backoffBaseMs', -1, /a number of milliseconds in .+, got -1/],
    ['retry.backoffMaxMs', '9', /a number of milliseconds in .+, got "9"/],
    ['retry.attemptTimeoutMs', 0, /a number of milliseconds in \[1, 2147483647\], or Infinity, got 0/],
    ['retry.statusCodes', 503, /an array of HTTP statuses, got 503/],
    ['retry.statusCodes[1]', '503', /an integer in \[100, 599\], got "503"/],
    ['retry.budget', null, /an object, got null/],
    ['retry.budget', true, /an object, got true/],
    ['retry.budget.ratio', -0.1, /a finite number in \[0, 1000\], got -0\.1/],
    ['retry.budget.minPerSecond', Number.NaN, /a finite number in \[0, 1000000\], got NaN/],
    ['retry.budget.windowMs', 9, /a number of milliseconds in \[10, 2147483647\], got 9/],
    ['hedge', null, /an object, got null/],
    ['hedge.delayMs', -1, /a number of milliseconds in .+, got -1/],
    ['hedge.percentile', 0, /a finite number in \[1, 100\], got 0/],
    ['hedge.maxHedges', 0, /an integer in \[1, 10\], got 0/],
    ['healthCheck', null, /an object, got null/],
    ['healthCheck', true, /an object, got true/],
    ['healthCheck.path', 'health', /a path that starts with "\/"/],
    ['healthCheck.intervalMs', 0, /a number of milliseconds in \[1, 2147483647\], got 0/],
    ['healthCheck.keepRemovedMs', -1, /a number of milliseconds in .+, got -1/],
    ['outlierDetection', null, /an object, got null/],
    ['outlierDetection.consecutiveServerErrors', 0, /an integer in \[1, 1000000000\], got 0/],
    ['outlierDetection.failurePercentage.threshold', 0, /a finite number in \[1, 100\], got 0/],
    ['outlierDetection.noAnswer.afterMs', 9, /a number of milliseconds in \[10, 2147483647\], got 9/],
    ['outlierDetection.maxEjectionPercent', 101, /a finite number in \[0, 100\], got 101/],
    ['slowStart', null, /an object, got null/],
    ['slowStart', true, /an object, got true/],
    ['slowStart.windowMs', 0, /a number of milliseconds in .+, got 0/],
    ['panic', null, /an object, got null/],
    ['panic.threshold', 50, /a finite number in \[0, 1\], got 50/],
    ['panic.mode', 'none', /"all" or "fail", got "none"/],
    ['zone', '', /the name of a zone, ZoneOptions or false, got ""/],
    ['zone', null, /an object, got null/],
    ['zone.local', 5, /the name of the zone this process runs in, got 5/],
    ['subset', null, /an object, got null/],
    ['subset.size', 0, /an integer ≥ 1, got 0/],
    ['loadReports', null, /an object, got null/],
    ['loadReports.updateMs', 99, /a number of milliseconds in \[100, 2147483647\], got 99/],
    ['loadReports.request', 'TEXT', /true, false, 'text' or 'json', got "TEXT"/],
    ['loadReports.metrics', 'named_metrics.a', /an array of at most 16 names, got "named_metrics.a"/],
    ['loadReports.metrics', Array.from({ length: 17 }, () => 'eps'), /an array of at most 16 names/],
    ['loadReports.overloadRatio', 0.9, /a finite number in \[1, 1000\], got 0.9/],
    ['loadReports.poll', true, /an object, got true/],
    ['maxInFlight', 0, /an integer ≥ 1, Infinity, or 'adaptive', got 0/],
    ['maxInFlight', null, /an integer ≥ 1, Infinity, or 'adaptive', got null/],
    ['maxInFlightPerInstance', 1.5, /an integer ≥ 1, Infinity, or 'adaptive', got 1\.5/],
    ['queue', null, /an object, got null/],
    ['queue.maxSize', -1, /an integer in \[0, 1000000\], got -1/],
    ['queue.maxWaitMs', '1', /a number of milliseconds in .+, got "1"/],
    ['throttle', null, /an object, got null/],
    ['throttle.ratio', 0.5, /a finite number in \[1, 100\], got 0\.5/],
  ])('refuses %s %j, at the top and for a service', (path, value, message) => {
    const options = nested(path, value)
    for (const [prefix, all] of [
      ['LoadBalancer', options],
      ['LoadBalancer.services.users', { services: { users: options } }],
    ] as const) {
      const build = (): void => check(all)
      expect(build).toThrow(InvalidOptionError)
      expect(build).toThrow(
        expect.objectContaining({
          option: `${prefix}.${path}`,
          message: expect.stringMatching(message),
        }),
      )
      expect(build).toThrow(`${prefix}.${path} must be `)
    }
  })

  it.each([
    ['services', null, 'an object of service names and options, got null (object)'],
    ['services', [], 'an object of service names and options, got an array of 0 (object)'],
    ['services.users', null, 'an object, got null (object)'],
    ['services.users', undefined, 'an object, got undefined (undefined)'],
    ['maxServices', 0, 'an integer ≥ 1, got 0 (number)'],
    ['maxServices', null, 'an integer ≥ 1, got null (object)'],
    ['random', 4, 'a function, got 4 (number)'],
    ['clock', null, 'a Clock with now and setTimeout, got null (object)'],
    ['clock', { now: () => 0 }, 'a Clock with now and setTimeout, got an object (object)'],
  ])('refuses %s %j', (path, value, rest) => {
    expect(() => check(nested(path, value))).toThrow(
      expect.objectContaining({
        option: `LoadBalancer.${path}`,
        message: `LoadBalancer.${path} must be ${rest}`,
      }),
    )
  })

  it('refuses the name of a service that cannot be one', () => {
    for (const name of ['', 'a\n', 'a'.repeat(1025)]) {
      expect(() => check({ services: { [name]: {} } })).toThrow(
        expect.objectContaining({
          option: 'LoadBalancer.services',
          message: expect.stringContaining(`got ${JSON.stringify(name.slice(0, 80))}`.slice(0, -1)),
        }),
      )
    }
  })
})

describe('checkServiceName', () => {
  it.each([
    'user-service',
    'a',
    'users.prod:8080',
    '_grpc._tcp.example',
    'ü',
    'a'.repeat(1024),
    '__proto__',
    ' ',
    'Web One',
    'orders/eu',
    'PAY@@orders',
    'a?b',
    'a#b',
    'a\\b',
    '..',
  ])('passes %s', (name) => {
    checkServiceName('service', name)
  })

  it.each(['', 'a\n', 'a\0', '\u007f', '\u0085', 'a'.repeat(1025), null, undefined, 5, {}])('refuses %j', (name) => {
    expect(() => checkServiceName('service', name as unknown as string)).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        option: 'service',
        message: expect.stringMatching(
          /^service must be a service name: 1 to 1024 characters without control characters, got /,
        ),
      }),
    )
  })
})

/** `nested('a.b[1]', 5)` is `{ a: { b: [200, 5] } }`. */
function nested(path: string, value: unknown): object {
  const [head = '', ...rest] = path.split('.')
  if (rest.length > 0) return { [head]: nested(rest.join('.'), value) }
  return head.endsWith('[1]') ? { [head.slice(0, -3)]: [200, value] } : { [head]: value }
}
