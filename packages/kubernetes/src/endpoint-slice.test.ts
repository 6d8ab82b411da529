import { DiscoveryError } from '@lb/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { slice } from '../test/slices.ts'
import { type Endpoint, type EndpointSlice, parseEndpointSlice } from './endpoint-slice.ts'

function endpointOf(fields: object): Endpoint {
  const parsed = parseEndpointSlice(slice('orders', 'orders-1', [{ addresses: ['10.0.0.1'], ...fields }]))
  return parsed.endpoints[0] as Endpoint
}

const empty = { metadata: { name: 'a' }, addressType: 'IPv4', endpoints: [], ports: [] }

describe('an EndpointSlice', () => {
  it('is read as a controller of Kubernetes 1.33 writes it', () => {
    const parsed = parseEndpointSlice({
      addressType: 'IPv4',
      metadata: {
        name: 'orders-abc12',
        namespace: 'prod',
        generateName: 'orders-',
        uid: 'f6f3',
        resourceVersion: '3171420',
        generation: 3,
        labels: { app: 'orders', 'kubernetes.io/service-name': 'orders' },
        annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
      },
      endpoints: [
        {
          addresses: ['10.1.2.3', '10.9.9.9'],
          conditions: { ready: true, serving: true, terminating: false },
          hostname: 'orders-0',
          nodeName: 'node-1',
          zone: 'eu-a',
          hints: { forZones: [{ name: 'eu-a' }], forNodes: [{ name: 'node-1' }] },
          targetRef: { kind: 'Pod', namespace: 'prod', name: 'orders-7d9', uid: '11' },
        },
      ],
      ports: [
        { name: 'http', protocol: 'TCP', port: 8080, appProtocol: 'kubernetes.io/h2c' },
        { name: 'dns', protocol: 'UDP', port: 53 },
      ],
    })
    expect({ ...parsed, labels: { ...parsed.labels }, annotations: { ...parsed.annotations } }).toEqual({
      name: 'orders-abc12',
      family: 4,
      labels: { app: 'orders', 'kubernetes.io/service-name': 'orders' },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
      ports: [{ name: 'http', port: 8080, appProtocol: 'kubernetes.io/h2c' }],
      endpoints: [
        {
          address: '10.1.2.3',
          ready: true,
          serving: true,
          terminating: false,
          zone: 'eu-a',
          node: 'node-1',
          hostname: 'orders-0',
          uid: '11',
          pod: 'orders-7d9',
          forZones: ['eu-a'],
          forNodes: ['node-1'],
        },
      ],
    })
  })

  it('of a Service without pods has nothing, written as null', () => {
    const parsed = parseEndpointSlice({ metadata: { name: 'a' }, addressType: 'IPv6', endpoints: null, ports: null })
    expect(parsed).toMatchObject({ family: 6, endpoints: [], ports: [], labels: {} })
  })

  it('with names instead of addresses has no family', () => {
    expect(parseEndpointSlice(slice('orders', 'a', [], { addressType: 'FQDN' })).family).toBeUndefined()
  })

  it.each([
    [undefined, { ready: true, serving: true, terminating: false }],
    [{}, { ready: true, serving: true, terminating: false }],
    [
      { ready: null, serving: null, terminating: null },
      { ready: true, serving: true, terminating: false },
    ],
    [{ ready: false }, { ready: false, serving: false, terminating: false }],
    [
      { ready: false, terminating: true },
      { ready: false, serving: false, terminating: true },
    ],
    [
      { ready: false, serving: true, terminating: true },
      { ready: false, serving: true, terminating: true },
    ],
  ])('with the conditions %j means %j', (conditions, meaning) => {
    expect(endpointOf({ conditions })).toMatchObject(meaning)
  })

  it('has a port without a name or a number', () => {
    const parsed = parseEndpointSlice(slice('orders', 'a', [], { ports: [{ name: null, port: null, protocol: null }] }))
    expect(parsed.ports).toEqual([{ name: '', port: undefined, appProtocol: undefined }])
  })

  it('has no pod when its endpoint is something else, and no hints when they are empty', () => {
    const endpoint = endpointOf({ targetRef: { kind: 'Node', name: 'n', uid: '1' }, hints: { forZones: [] }, zone: '' })
    expect(endpoint).toMatchObject({ pod: undefined, uid: '1', forZones: undefined, zone: undefined })
  })

  it.each<[string, unknown]>([
    ['the EndpointSlice', []],
    ['the EndpointSlice', null],
    ['metadata', {}],
    ['metadata.name', { metadata: {} }],
    ['metadata.labels', { ...empty, metadata: { name: 'a', labels: [] } }],
    ['metadata.labels', { ...empty, metadata: { name: 'a', labels: { a: 1 } } }],
    ['addressType', { ...empty, addressType: 4 }],
    ['endpoints', { ...empty, endpoints: {} }],
    ['endpoints[]', { ...empty, endpoints: [null] }],
    ['endpoints[].addresses', { ...empty, endpoints: [{ addresses: '10.0.0.1' }] }],
    ['endpoints[].addresses[0]', { ...empty, endpoints: [{ addresses: [1] }] }],
    ['endpoints[].conditions.ready', { ...empty, endpoints: [{ addresses: [], conditions: { ready: 'yes' } }] }],
    ['addressType', { metadata: { name: 'a' }, endpoints: [], ports: [] }],
    ['endpoints', { metadata: { name: 'a' }, addressType: 'IPv4', ports: [] }],
    ['ports', { metadata: { name: 'a' }, addressType: 'IPv4', endpoints: [] }],
    ['endpoints[].addresses', { ...empty, endpoints: [{}] }],
    ['addressType', { ...empty, addressType: 'IPv\ufffd' }],
    ['ports[].protocol', { ...empty, ports: [{ protocol: 'XCP' }] }],
    ['ports[].name', { ...empty, ports: [{ name: 'h\ufffdtp' }] }],
    ['endpoints[]', { ...empty, endpoints: [{ addresses: [], 'conditio\ufffds': {} }] }],
    ['ports', { ...empty, ports: 'http' }],
    ['ports[].port', { ...empty, ports: [{ port: '80' }] }],
  ])('is malformed when %s is not what it must be', (path, value) => {
    const parse = (): unknown => parseEndpointSlice(value)
    expect(parse).toThrow(DiscoveryError)
    expect(parse).toThrow(`malformed EndpointSlice: ${path} must be `)
  })

  it('is read or refused, whatever JSON it is, and pollutes nothing', () => {
    const json = fc.jsonValue({ maxDepth: 6 })
    fc.assert(
      fc.property(json, json, json, (metadata, endpoint, port) => {
        const value = { ...empty, metadata: { name: 'a', labels: metadata }, endpoints: [endpoint], ports: [port] }
        try {
          parseEndpointSlice(value)
        } catch (error) {
          expect(error).toBeInstanceOf(DiscoveryError)
        }
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
    const labels = JSON.parse('{"__proto__":"x","constructor":"y"}')
    const parsed: EndpointSlice = parseEndpointSlice({ ...empty, metadata: { name: 'a', labels } })
    expect(Object.keys(parsed.labels)).toEqual(['__proto__', 'constructor'])
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })
})
