import type { ServiceInstance } from '@lb/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { consulInstances } from './instances.ts'

interface Entry {
  readonly Node?: unknown
  readonly Service?: unknown
  readonly Checks?: unknown
}

const node = { Node: 'n1', Address: '10.0.0.9', Meta: null }
const service = { ID: 'web-1', Service: 'web', Tags: null, Address: '10.0.0.1', Port: 80, Meta: null }
const passing = { CheckID: 'serfHealth', Status: 'passing' }

const entry = (fields: object = {}, rest: Entry = {}): Entry => ({
  Node: node,
  Service: { ...service, ...fields },
  Checks: [passing],
  ...rest,
})

const parsed = (...entries: unknown[]): ServiceInstance[] => [
  ...consulInstances(entries, { zoneKey: 'zone' }).instances,
]

const only = (given: unknown): ServiceInstance => parsed(given)[0] as ServiceInstance

const withStatus = (...statuses: unknown[]): Entry =>
  entry(
    { Weights: { Passing: 10, Warning: 3 } },
    { Checks: statuses.map((Status, index) => ({ CheckID: `c${index}`, Status })) },
  )

describe('an entry of an answer', () => {
  it('is an instance with everything that Consul says', () => {
    const meta = { zone: 'a', version: '2' }
    const instance = only(entry({ Tags: ['v2', 'eu'], Meta: meta, Weights: { Passing: 10, Warning: 1 } }))
    expect({ ...instance, metadata: { ...instance.metadata } }).toEqual({
      id: 'n1/web-1',
      host: '10.0.0.1',
      port: 80,
      weight: 10,
      priority: 0,
      zone: 'a',
      secure: false,
      healthy: true,
      metadata: { ...meta, tags: 'v2,eu' },
    })
  })

  it.each<[string, object]>([
    ['empty', { Address: '' }],
    ['missing', { Address: undefined }],
    ['null', { Address: null }],
  ])('has the address of its node when that of the service is %s', (_, fields) => {
    expect(only(entry(fields)).host).toBe('10.0.0.9')
  })

  it('has the address where HTTP is spoken, also when gRPC is listed first', () => {
    const tagged = {
      grpc: { Address: 'grpc://10.0.0.5:19000', Port: 19_000 },
      https: { Address: 'https://10.0.0.5:18443', Port: 18_443 },
    }
    const instance = only(entry({ Address: '10.0.0.5', Port: 19_000, TaggedAddresses: tagged }))
    expect(instance).toMatchObject({ id: 'n1/web-1', host: '10.0.0.5', port: 18_443, secure: true })
  })

  it('has no metadata when there is none', () => {
    expect(Object.keys(only(entry({ Meta: null })).metadata)).toEqual([])
    expect(Object.keys(only(entry({ Meta: undefined, Tags: [] })).metadata)).toEqual([])
  })

  it('keeps metadata that is called tags', () => {
    expect({ ...only(entry({ Meta: { tags: 'mine' }, Tags: ['v2'] })).metadata }).toEqual({ tags: 'mine' })
  })

  it('has the zone of the service, else of its node, under the key that was asked for', () => {
    const given = [entry({ Meta: { zone: 'a', az: 'b' } }, { Node: { ...node, Meta: { zone: 'c' } } })]
    const zoneOf = (zoneKey: string): string | undefined => consulInstances(given, { zoneKey }).instances[0]?.zone
    expect([zoneOf('zone'), zoneOf('az'), zoneOf('rack'), zoneOf('constructor')]).toEqual([
      'a',
      'b',
      undefined,
      undefined,
    ])
    expect(only(entry({ Meta: { zone: '' } }, { Node: { ...node, Meta: { zone: 'c' } } })).zone).toBe('c')
  })

  it('is reached by TLS, or a reserve, when its metadata says so', () => {
    const { secure, priority } = only(entry({ Meta: { secure: 'true', 'lb-priority': '2' } }))
    expect([secure, priority]).toEqual([true, 2])
    const other = only(entry({ Meta: { secure: 'yes', 'lb-priority': '-1', priority: '7' } }))
    expect([other.secure, other.priority]).toEqual([false, 0])
  })

  it.each<[string, Entry, number, boolean]>([
    ['all pass', withStatus('passing', 'passing'), 10, true],
    ['there are none', withStatus(), 10, true],
    ['one warns', withStatus('warning', 'passing'), 3, true],
    ['one is critical', withStatus('passing', 'critical', 'warning'), 10, false],
    ['one has a status that nobody knows', withStatus('passing', 'fine'), 10, false],
    ['one has no status', withStatus(undefined), 10, false],
    ['they are null', { ...withStatus(), Checks: null }, 10, true],
    ['they are no list', { ...withStatus(), Checks: 'passing' }, 10, false],
    ['one is no check', { ...withStatus(), Checks: [null] }, 10, false],
  ])('is as healthy as its worst check: when %s', (_, given, weight, healthy) => {
    expect(only(given)).toMatchObject({ weight, healthy })
  })

  it.each(['_service_maintenance:web-1', '_node_maintenance'])('is drained in maintenance: %s', (CheckID) => {
    const checks = [{ CheckID: 'c1', Status: 'critical' }, passing, { CheckID, Status: 'critical' }]
    expect(only({ ...withStatus(), Checks: checks })).toMatchObject({ weight: 0, healthy: false })
  })

  it.each<[string, unknown, number]>([
    ['absent', undefined, 1],
    ['null', null, 1],
    ['empty', {}, 1],
    ['0 for warnings', { Passing: 5, Warning: 0 }, 0],
  ])('has a weight when weights are %s', (_, Weights, weight) => {
    expect(only({ ...entry({ Weights }), Checks: [{ Status: 'warning' }] }).weight).toBe(weight)
  })
})

describe('two nodes', () => {
  it('with the same ID of a service are two instances', () => {
    const other = entry({ Address: '10.0.0.2' }, { Node: { ...node, Node: 'n2' } })
    expect(parsed(entry(), other).map(({ id }) => id)).toEqual(['n1/web-1', 'n2/web-1'])
  })

  it('give the same list in any order', () => {
    const entries = ['n3', 'n1', 'n2'].map((name) => entry({}, { Node: { ...node, Node: name } }))
    expect(parsed(...entries)).toEqual(parsed(...entries.toReversed()))
  })
})

describe('the nearest', () => {
  const at = (name: string, fields: Entry = {}): Entry => entry({}, { Node: { ...node, Node: name }, ...fields })
  const critical = { Checks: [{ Status: 'critical' }] }

  it('are used first, and the others are the reserve; those that take no traffic do not count', () => {
    const entries = [at('n4'), at('n1', critical), at('n3'), at('n2'), null]
    const list = consulInstances(entries, { zoneKey: 'zone', nearest: 2 }).instances
    expect(list.map(({ id, priority }) => [id, priority])).toEqual([
      ['n1/web-1', 0],
      ['n2/web-1', 1],
      ['n3/web-1', 0],
      ['n4/web-1', 0],
    ])
  })
})

describe('an entry that makes no sense', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'Service'],
    ['a list', [], 'Service'],
    ['no service', { Node: node }, 'Service'],
    ['a text that is an address', 'a:1', 'Service'],
    ['a port that is a text', entry({ Port: '80' }), 'port'],
    ['a port beyond the last', entry({ Port: 65_536 }), 'port'],
    ['no port', entry({ Port: 0 }), 'port'],
    ['a host that is none', entry({ Address: 'a/b@c' }), 'host'],
    ['a host that is an object', entry({ Address: {} }), 'host'],
    ['weights that are a text', entry({ Weights: '10' }), 'weight'],
    ['a weight that is a text', entry({ Weights: { Passing: '10' } }), 'weight'],
    ['a negative weight', entry({ Weights: { Passing: -1 } }), 'weight'],
    ['no ID', entry({ ID: '' }), 'id'],
    ['an ID that is a number', entry({ ID: 7 }), 'id'],
    ['no node', entry({}, { Node: undefined }), 'id'],
    ['metadata that is a text', entry({ Meta: 'a' }), 'metadata'],
    ['metadata with a number in it', entry({ Meta: { a: 1 } }), 'metadata.a'],
  ])('is rejected with the field at fault: %s', (_, given, field) => {
    const { instances, rejected } = consulInstances([given], { zoneKey: 'zone' })
    expect([instances, rejected]).toMatchObject([[], [{ code: 'LB_INVALID_INSTANCE', field }]])
  })

  it('is named by its node and ID', () => {
    const { rejected } = consulInstances([entry({ Port: 0 }), null], { zoneKey: 'zone' })
    expect(rejected.map(({ message }) => message)).toEqual([
      'service web-1 on node n1: port of an instance must be an integer in [1, 65535], got 0 (number)',
      'an entry without an ID: the entry has no Service',
    ])
  })

  it('never keeps the others from being read, and pollutes nothing', () => {
    const bad = fc.oneof(
      fc.jsonValue(),
      fc.jsonValue().map((Service) => ({ Service, Node: node, Checks: [passing] })),
    )
    const text =
      '{"ID":"p","Address":"10.0.0.7","Port":1,"Tags":[{"toString":1},"t"],"Meta":{"__proto__":"x","constructor":"y"}}'
    fc.assert(
      fc.property(fc.array(bad, { maxLength: 5 }), (others) => {
        const hostile = { ...entry(), Service: JSON.parse(text) as unknown }
        const list = consulInstances([...others, hostile, entry()], { zoneKey: '__proto__', nearest: 1 })
        expect(list.instances.length + list.rejected.length).toBe(others.length + 2)
        const found = list.instances.filter(({ host }) => host === '10.0.0.7')
        expect(found[0]?.metadata).toMatchObject({ constructor: 'y', tags: 't' })
      }),
      { seed: 20_240_607 },
    )
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})
