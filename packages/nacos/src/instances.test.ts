import type { ServiceInstance } from '@lb/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedAnswer } from './errors.ts'
import { readInstanceList } from './instances.ts'

const service = { group: 'DEFAULT_GROUP', name: 'orders' }
const host = {
  ip: '10.0.0.1',
  port: 8080,
  weight: 1,
  healthy: true,
  enabled: true,
  clusterName: 'DEFAULT',
  metadata: {},
}

/** What version 1 says of hosts, as core reads it. */
function read(hosts: unknown, more: object = {}): ServiceInstance[] {
  return [...readInstanceList('v1', { hosts, ...more }, service).instances]
}

describe('an instance', () => {
  it('is the same in both versions of the API, with the id that Nacos makes', () => {
    const ofV1 = {
      ...host,
      instanceId: '10.0.0.1#8080#DEFAULT#DEFAULT_GROUP@@orders',
      serviceName: 'DEFAULT_GROUP@@orders',
    }
    const [v1] = readInstanceList('v1', { hosts: [ofV1] }, service).instances
    const [v3] = readInstanceList('v3', { code: 0, message: 'success', data: [host] }, service).instances
    expect(v1).toEqual(v3)
    expect(v1).toMatchObject({
      id: ofV1.instanceId,
      host: '10.0.0.1',
      port: 8080,
      weight: 1,
      healthy: true,
      priority: 0,
      secure: false,
      metadata: { 'nacos.cluster': 'DEFAULT' },
    })
  })

  it('keeps a fractional weight, and weight 0 as drained', () => {
    expect(
      read([
        { ...host, weight: 0.5 },
        { ...host, port: 2, weight: 0 },
      ]).map(({ weight }) => weight),
    ).toEqual([0.5, 0])
  })

  it('has the weight that the option makes of the registered one, or is left out when it makes none', () => {
    const hosts = [
      { ...host, weight: 100, metadata: { kind: 'http' } },
      { ...host, port: 2, weight: 3 },
      { ...host, port: 3, weight: 7, metadata: { kind: 'none' } },
      { ...host, port: 4, weight: 7, metadata: null },
    ]
    const list = readInstanceList('v1', { hosts }, service, (weight, { kind }) => {
      if (kind === 'none') throw new Error('no weight')
      return kind === 'http' ? weight / 100 : weight === 7 ? Number.NaN : weight
    })
    expect(list.instances.map(({ port, weight }) => [port, weight])).toEqual([
      [8080, 1],
      [2, 3],
    ])
    expect(list.rejected.map(({ message }) => message)).toEqual([
      expect.stringContaining('port 3: no weight'),
      expect.stringContaining('port 4'),
    ])
  })

  it.each([
    [{ secure: 'true' }, true],
    [{ kind: 'https' }, true],
    [{ kind: 'http' }, false],
    [{ secure: 'false' }, false],
  ])('with the metadata %j speaks TLS: %s', (metadata, secure) => {
    expect(read([{ ...host, metadata }])).toMatchObject([{ secure }])
  })

  it('that is not healthy stays in, marked', () => {
    expect(read([{ ...host, healthy: false }])).toMatchObject([{ healthy: false }])
  })

  it('that is switched off is left out', () => {
    expect(
      read([
        { ...host, enabled: false },
        { ...host, port: 2 },
      ]).map(({ port }) => port),
    ).toEqual([2])
  })

  it('has its cluster as zone unless it says another one, or the cluster is the default', () => {
    expect(read([{ ...host, clusterName: 'eu-a' }])).toMatchObject([
      { zone: 'eu-a', metadata: { 'nacos.cluster': 'eu-a' } },
    ])
    expect(read([{ ...host, clusterName: 'eu-a', metadata: { zone: 'eu-b' } }])).toMatchObject([{ zone: 'eu-b' }])
    expect(read([host])[0]).not.toHaveProperty('zone')
    expect(read([{ ...host, metadata: { zone: '' } }])[0]).not.toHaveProperty('zone')
  })

  it('gets secure and priority from its metadata', () => {
    const metadata = { secure: 'true', 'lb-priority': '2' }
    expect(read([{ ...host, metadata }])).toMatchObject([{ secure: true, priority: 2, metadata }])
    expect(read([{ ...host, metadata: { secure: 'yes', 'lb-priority': '-1' } }])).toMatchObject([
      { secure: false, priority: 0 },
    ])
  })

  it('may have no metadata, and null in it', () => {
    expect(
      read([
        { ...host, metadata: null },
        { ...host, port: 2, metadata: { a: null, b: 'x' } },
      ]),
    ).toMatchObject([{ metadata: {} }, { metadata: { b: 'x' } }])
    expect(read([{ ...host, metadata: { a: null } }])[0]?.metadata).not.toHaveProperty('a')
  })

  it('cannot reach the prototype of anything by its metadata', () => {
    const [instance] = read([{ ...host, metadata: JSON.parse('{"__proto__": "x", "constructor": "y"}') as object }])
    expect(Object.getPrototypeOf(instance?.metadata)).toBeNull()
    expect(Object.entries(instance?.metadata ?? {})).toContainEqual(['__proto__', 'x'])
    expect(Object.prototype).not.toHaveProperty('x')
  })

  it('is not made of a text, as it could be in code', () => {
    const { instances, rejected } = readInstanceList('v1', { hosts: ['6.6.6.6:80'] }, service)
    expect([instances, rejected]).toMatchObject([[], [{ field: 'host' }]])
  })

  it('that makes no sense is rejected alone, by its address', () => {
    const { instances, rejected } = readInstanceList(
      'v1',
      { hosts: [host, { ...host, port: '8080' }, 7, null, { ip: 1 }] },
      service,
    )
    expect(instances).toHaveLength(1)
    expect(rejected).toMatchObject([
      { field: 'port', message: expect.stringMatching(/^instance 10\.0\.0\.1 port 8080: port of an instance must/) },
      { field: 'host', message: expect.stringMatching(/^an instance without an ip: host of an instance must/) },
      { field: 'host' },
    ])
  })
})

describe('a list', () => {
  it('shows that the protection of the server is at work', () => {
    expect(read([host], { reachProtectionThreshold: true })).toMatchObject([
      { metadata: { 'nacos.protected': 'true' } },
    ])
    expect(read([host], { reachProtectionThreshold: false })[0]?.metadata).not.toHaveProperty('nacos.protected')
  })

  it('says how long it holds, when it does', () => {
    expect(readInstanceList('v1', { hosts: [], cacheMillis: 5_000 }, service).cacheMillis).toBe(5_000)
    for (const cacheMillis of [0, -1, '5000', null, Number.NaN]) {
      expect(readInstanceList('v1', { hosts: [], cacheMillis }, service)).not.toHaveProperty('cacheMillis')
    }
    expect(readInstanceList('v3', { code: 0, data: [] }, service)).toEqual({ instances: [], rejected: [] })
  })

  it('is never made of an answer that is something else', () => {
    const answers = [null, 'ok', 7, [], {}, { hosts: null }, { hosts: {} }, { code: 0 }, { data: [] }]
    for (const answer of answers) {
      expect(() => readInstanceList('v1', answer, service)).toThrow(MalformedAnswer)
      expect(() => readInstanceList('v3', answer, service)).toThrow(MalformedAnswer)
    }
  })

  it('is not in an answer that says that something is wrong', () => {
    const answer = { code: 30_000, message: 'server error', data: [] }
    expect(() => readInstanceList('v3', answer, service)).toThrow('code 30000, server error')
  })

  it('of anything is read without another error than those', () => {
    const hosts = fc.array(
      fc.oneof(fc.anything(), fc.record({ ip: fc.anything(), port: fc.anything(), metadata: fc.anything() })),
    )
    const property = fc.property(hosts, fc.anything(), (list, reachProtectionThreshold) => {
      const { rejected } = readInstanceList('v1', { hosts: list, reachProtectionThreshold }, service)
      for (const error of rejected) expect(error).toMatchObject({ code: 'LB_INVALID_INSTANCE' })
    })
    fc.assert(property, { seed: 20_240_607 })
  })
})
