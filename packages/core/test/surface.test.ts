import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as authoring from '../src/authoring.ts'
import * as core from '../src/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const sources = readdirSync(`${root}/src`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .toSorted()

describe('@lb/core', () => {
  it('gives applications these names and no others', () => {
    expect(Object.keys(core).toSorted()).toEqual([
      'CompositeDiscovery',
      'DeadlineExceededError',
      'DiscoveryError',
      'EnvDiscovery',
      'GroupedBalancer',
      'HealthChecker',
      'InvalidInstanceError',
      'InvalidOptionError',
      'LeastRequestBalancer',
      'LoadBalancer',
      'LoadBalancerClosedError',
      'LoadBalancerError',
      'MaglevBalancer',
      'NoAvailableInstanceError',
      'OverloadedError',
      'PeakEwmaBalancer',
      'ProbingBalancer',
      'RandomBalancer',
      'RingHashBalancer',
      'RoundRobinBalancer',
      'SharedCounter',
      'SmoothWeightedRoundRobinBalancer',
      'StaticDiscovery',
      'UnknownInstanceError',
      'UnknownServiceError',
      'parseInstance',
      'recordTraffic',
    ])
  })

  it('gives authors of discoveries, registrars, balancers and adapters these names besides', () => {
    expect(Object.keys(authoring).toSorted()).toEqual([
      'CallSignal',
      'DefinedDiscovery',
      'InterimResponses',
      'OpenSubscriptions',
      'RenewedRegistration',
      'RequestLoad',
      'RunningClock',
      'authorityOf',
      'balancerNames',
      'checkAdapterOptions',
      'checkBoolean',
      'checkClock',
      'checkCriticalityHeader',
      'checkCriticalityRule',
      'checkDurationMs',
      'checkFunction',
      'checkInteger',
      'checkKeys',
      'checkLoadBalancer',
      'checkNumber',
      'checkServiceName',
      'classifyError',
      'classifyResponse',
      'classifyStatus',
      'counted',
      'criticalityHeader',
      'criticalityHeaderName',
      'criticalityOf',
      'defineDiscovery',
      'discoveryErrorOf',
      'errorJson',
      'errorTypeOf',
      'exponentialBackoffMs',
      'formatLoadReport',
      'fullJitterBackoffMs',
      'isCriticality',
      'isIdempotentMethod',
      'isLoadBalancedError',
      'isLoadBalancer',
      'jittered',
      'knownMethod',
      'knownStatus',
      'labelValue',
      'labelsOf',
      'loadReportFormatHeader',
      'loadReportHeader',
      'maskedMetadata',
      'maxResponseFields',
      'messageOf',
      'metricTable',
      'onDeparture',
      'oneLine',
      'originOf',
      'parseLoadReport',
      'parseRetryAfter',
      'parseServiceUrl',
      'pause',
      'poll',
      'readInstances',
      'recordMetrics',
      'rejectOption',
      'rejection',
      'systemClock',
      'systemRandom',
      'timeLimited',
      'watchInSessions',
      'withLbAuthority',
    ])
  })

  it('gives each discovery and balancer the name of its export, for messages', () => {
    const parts = Object.entries<unknown>(core).filter(
      (entry): entry is [string, { prototype: object }] =>
        typeof entry[1] === 'function' &&
        /^[A-Z].*(?:Discovery|Balancer)$/.test(entry[0]) &&
        entry[0] !== 'LoadBalancer',
    )
    expect(parts.length).toBeGreaterThanOrEqual(10)
    for (const [name, { prototype }] of parts) expect(Reflect.get(prototype, Symbol.toStringTag), name).toBe(name)
  })

  it('depends on no package', () => {
    const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as Record<string, unknown>
    for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundledDependencies']) {
      expect(manifest, field).not.toHaveProperty(field)
    }
  })

  it('has sources to look at', () => {
    expect(sources).toContain('index.ts')
    expect(sources.length).toBeGreaterThan(20)
  })

  it.each(sources)('imports nothing but its own files: %s', (path) => {
    const text = readFileSync(`${root}/src/${path}`, 'utf8')
    const imported = Array.from(
      text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])([^'"`\n]+)\1/g),
      ([, , specifier]) => specifier,
    )
    expect(imported.filter((specifier) => !/^\.\.?\/.+\.ts$/.test(specifier ?? ''))).toEqual([])
  })
})
