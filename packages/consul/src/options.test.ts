import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { ConsulDiscovery, type ConsulDiscoveryOptions, ConsulRegistrar, type ConsulRegistrarOptions } from './index.ts'

describe('options of ConsulDiscovery', () => {
  it.each<[string, ConsulDiscoveryOptions]>([
    ['nothing', {}],
    ['a tag', { tag: 'v2' }],
    ['no tags', { tag: [] }],
    [
      'everything',
      {
        address: 'http://127.0.0.1:8500',
        tokenFile: '/run/token',
        namespace: 'n',
        partition: 'p',
        tls: {},
        timeoutMs: 1,
        env: {},
        datacenter: 'dc1',
        tag: ['v2', 'eu'],
        filter: 'Service.Port == 80',
        passing: true,
        near: { count: 3, node: 'n1' },
        consistency: 'stale',
        zoneKey: 'az',
        waitMs: 600_000,
        maxBlockingQueries: 0,
        pollIntervalMs: 100,
        churnIntervalMs: 100,
      },
    ],
    ['undefined', { tag: undefined, near: undefined, waitMs: undefined } as unknown as ConsulDiscoveryOptions],
  ])('may be %s', async (_, options) => {
    await new ConsulDiscovery(options).close()
  })

  it.each<[string, object, string]>([
    ['no object', [], 'ConsulDiscovery must be an object'],
    ['an unknown option', { tags: 'v2' }, 'Did you mean tag?'],
    ['an option of the connection', { token: '' }, 'ConsulDiscovery.token'],
    ['TLS options that are unknown', { tls: { cafile: 'x' } }, 'ConsulDiscovery.tls.cafile'],
    ['an empty datacenter', { datacenter: '' }, 'ConsulDiscovery.datacenter'],
    ['an empty tag', { tag: ['a', ''] }, 'ConsulDiscovery.tag'],
    ['a tag that is a number', { tag: 2 }, 'ConsulDiscovery.tag'],
    ['tags with a hole', { tag: [undefined] }, 'ConsulDiscovery.tag'],
    ['an empty filter', { filter: '' }, 'ConsulDiscovery.filter'],
    ['an empty key', { zoneKey: '' }, 'ConsulDiscovery.zoneKey'],
    ['a word for a boolean', { passing: 'yes' }, 'ConsulDiscovery.passing'],
    ['a node to be near to', { near: '_agent' }, 'ConsulDiscovery.near must be an object'],
    ['nearness without a number', { near: {} }, 'ConsulDiscovery.near.count'],
    ['no near ones', { near: { count: 0 } }, 'ConsulDiscovery.near.count'],
    ['near to nobody', { near: { count: 1, node: '' } }, 'ConsulDiscovery.near.node'],
    ['another consistency', { consistency: 'strong' }, '"default", "stale" or "consistent"'],
    ['too short a wait', { waitMs: 999 }, 'ConsulDiscovery.waitMs'],
    ['too long a wait', { waitMs: 600_001 }, 'ConsulDiscovery.waitMs must be at most 600 000'],
    ['half a query', { maxBlockingQueries: 0.5 }, 'ConsulDiscovery.maxBlockingQueries'],
    ['polls without a pause', { pollIntervalMs: 0 }, 'ConsulDiscovery.pollIntervalMs'],
    ['churn without a pause', { churnIntervalMs: 0 }, 'ConsulDiscovery.churnIntervalMs'],
  ])('may not be %s', (_, options, message) => {
    const build = (): unknown => new ConsulDiscovery(options as ConsulDiscoveryOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })
})

describe('options of ConsulRegistrar', () => {
  it.each<[string, ConsulRegistrarOptions]>([
    ['nothing', {}],
    ['a check of the agent', { check: { http: 'https://a.test/health', intervalMs: 1_000 } }],
    ['everything else', { tags: ['a'], check: { ttlMs: 1_000 }, warningWeight: 0, zoneKey: 'az', onError: () => {} }],
    ['no end of being critical', { deregisterCriticalAfterMs: Number.POSITIVE_INFINITY }],
  ])('may be %s', async (_, options) => {
    await new ConsulRegistrar(options).close()
  })

  it.each<[string, object, string]>([
    ['an unknown option', { tag: 'v2' }, 'Did you mean tags?'],
    ['an option of the connection', { address: '' }, 'ConsulRegistrar.address'],
    ['tags that are no list', { tags: 'a' }, 'ConsulRegistrar.tags must be an array'],
    ['an empty tag', { tags: ['a', ''] }, 'ConsulRegistrar.tags[1]'],
    ['a weight beyond the last', { warningWeight: 65_536 }, 'ConsulRegistrar.warningWeight'],
    ['an empty key', { zoneKey: '' }, 'ConsulRegistrar.zoneKey'],
    ['less than a minute', { deregisterCriticalAfterMs: 59_999 }, 'ConsulRegistrar.deregisterCriticalAfterMs'],
    ['a listener that is none', { onError: 'log' }, 'ConsulRegistrar.onError'],
    ['a check that is none', { check: null }, 'ConsulRegistrar.check'],
    ['a check without anything', { check: {} }, 'ConsulRegistrar.check must be { ttlMs } or { http }'],
    ['two checks', { check: { ttlMs: 1_000, http: '/' } }, 'ConsulRegistrar.check.ttlMs is not a known option'],
    ['too short a time to live', { check: { ttlMs: 999 } }, 'ConsulRegistrar.check.ttlMs'],
    ['a path without a slash', { check: { http: 'health' } }, 'ConsulRegistrar.check.http'],
    ['too short an interval', { check: { http: '/', intervalMs: 1 } }, 'ConsulRegistrar.check.intervalMs'],
    ['no time', { check: { http: '/', timeoutMs: 0 } }, 'ConsulRegistrar.check.timeoutMs'],
    ['a word for a boolean', { check: { http: '/', tlsSkipVerify: 1 } }, 'ConsulRegistrar.check.tlsSkipVerify'],
  ])('may not be %s', (_, options, message) => {
    const build = (): unknown => new ConsulRegistrar(options as ConsulRegistrarOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
  })
})
