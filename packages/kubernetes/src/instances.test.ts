import type { ServiceInstance } from '@lb/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { notReady, podEndpoint, ready, type SliceJson, slice, terminating } from '../test/slices.ts'
import { parseEndpointSlice } from './endpoint-slice.ts'
import { instancesOfSlices, type SliceSelection } from './instances.ts'

const usual: SliceSelection = {
  port: undefined,
  family: undefined,
  zone: undefined,
  node: undefined,
  weightKey: 'lb/weight',
}

function instancesOf(slices: readonly SliceJson[], selection: Partial<SliceSelection> = {}): ServiceInstance[] {
  const { instances, rejected } = instancesOfSlices(slices.map(parseEndpointSlice), { ...usual, ...selection })
  if (rejected[0] !== undefined) throw rejected[0]
  return [...instances]
}

function weightsOf(slices: readonly SliceJson[], selection: Partial<SliceSelection> = {}): Record<string, number> {
  return Object.fromEntries(instancesOf(slices, selection).map(({ host, weight }) => [host, weight]))
}

describe('the instances of a Service', () => {
  it('are the endpoints of all its slices', () => {
    const slices = [slice('orders', 'a', ['10.0.0.1', '10.0.0.2']), slice('orders', 'b', ['10.0.0.3'])]
    expect(instancesOf(slices).map(({ id }) => id)).toEqual(['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080'])
  })

  it('carry what the slice and the endpoint say', () => {
    const endpoint = podEndpoint('10.0.0.1', 'orders-0', { zone: 'eu-a', nodeName: 'n1', hostname: 'h' })
    const labels = { version: 'v2', 'app.kubernetes.io/name': 'x', 'service.kubernetes.io/headless': '' }
    const ports = [{ name: 'http', port: 8443, protocol: 'TCP', appProtocol: 'https' }]
    const [found] = instancesOf([
      slice('orders', 'a', [endpoint], { labels, ports, annotations: { 'lb/weight': '2.5' } }),
    ])
    expect({ ...found, metadata: { ...found?.metadata } }).toEqual({
      id: 'uid-orders-0',
      host: '10.0.0.1',
      port: 8443,
      weight: 2.5,
      priority: 0,
      secure: true,
      healthy: true,
      zone: 'eu-a',
      metadata: { version: 'v2', pod: 'orders-0', node: 'n1', hostname: 'h' },
    })
  })

  it('are once for an endpoint that is in two slices, in the better of its states', () => {
    const moved = [
      slice('orders', 'a', [podEndpoint('10.0.0.1', 'p', { conditions: notReady })]),
      slice('orders', 'b', [podEndpoint('10.0.0.1', 'p')]),
    ]
    expect(instancesOf(moved)).toMatchObject([{ id: 'uid-p', weight: 1, healthy: true }])
    expect(instancesOf(moved.toReversed())).toMatchObject([{ id: 'uid-p', weight: 1, healthy: true }])
  })

  it('are two when a pod has two addresses of a family, each with an id', () => {
    const found = instancesOf([slice('orders', 'a', [podEndpoint('10.0.0.1', 'p'), podEndpoint('10.0.0.2', 'p')])])
    expect(found.map(({ id }) => id)).toEqual(['uid-p', '10.0.0.2:8080'])
  })

  it('keep their id when the address of the pod changes', () => {
    const before = instancesOf([slice('orders', 'a', [podEndpoint('10.0.0.1', 'p')])])
    const after = instancesOf([slice('orders', 'a', [podEndpoint('10.0.0.7', 'p')])])
    expect([before[0]?.id, after[0]?.host]).toEqual([after[0]?.id, '10.0.0.7'])
  })

  it('are none of a slice with names', () => {
    expect(instancesOf([slice('orders', 'a', ['a.example.org'], { addressType: 'FQDN' })])).toEqual([])
  })
})

describe('the state of an endpoint', () => {
  it('decides who gets traffic: who is ready; the others are kept, drained', () => {
    const slices = [
      slice('orders', 'a', [
        { addresses: ['10.0.0.1'], conditions: ready },
        { addresses: ['10.0.0.2'], conditions: { ready: null } },
        { addresses: ['10.0.0.3'], conditions: terminating },
        { addresses: ['10.0.0.4'], conditions: notReady },
      ]),
    ]
    expect(weightsOf(slices)).toEqual({ '10.0.0.1': 1, '10.0.0.2': 1, '10.0.0.3': 0, '10.0.0.4': 0 })
    expect(instancesOf(slices).map(({ healthy }) => healthy)).toEqual([true, true, true, false])
  })

  it('of a Service in which nobody is ready: who still serves while terminating', () => {
    const slices = [
      slice('orders', 'a', [
        { addresses: ['10.0.0.1'], conditions: terminating },
        { addresses: ['10.0.0.2'], conditions: notReady },
        { addresses: ['10.0.0.3'], conditions: { ready: false, serving: false, terminating: true } },
      ]),
    ]
    expect(weightsOf(slices)).toEqual({ '10.0.0.1': 1, '10.0.0.2': 0, '10.0.0.3': 0 })
  })

  it('gives traffic to nobody when nobody serves, or only says so while it neither is ready nor terminates', () => {
    const odd = { ready: false, serving: true, terminating: false }
    expect(weightsOf([slice('orders', 'a', [{ addresses: ['10.0.0.1'], conditions: odd }])])).toEqual({ '10.0.0.1': 0 })
    expect(weightsOf([slice('orders', 'a', [{ addresses: ['10.0.0.1'], conditions: notReady }])])).toEqual({
      '10.0.0.1': 0,
    })
  })
})

describe('weights', () => {
  it('are those of the annotation, else of the label, else 1', () => {
    const slices = [
      slice('orders', 'a', ['10.0.0.1'], { labels: { share: '7' }, annotations: { share: '5' } }),
      slice('orders', 'b', ['10.0.0.2'], { labels: { share: '0' } }),
      slice('orders', 'c', ['10.0.0.3']),
    ]
    expect(weightsOf(slices, { weightKey: 'share' })).toEqual({ '10.0.0.1': 5, '10.0.0.2': 0, '10.0.0.3': 1 })
  })

  it.each(['', '-1', 'five', '1e3', 'Infinity', '0x10'])('that are no numbers are refused by core: %j', (weight) => {
    const slices = [slice('orders', 'a', ['10.0.0.1'], { annotations: { 'lb/weight': weight } })]
    expect(() => instancesOf(slices)).toThrow('weight of an instance must be')
  })
})

describe('dual stack', () => {
  const v4 = slice('orders', 'a', [podEndpoint('10.0.0.1', 'p'), podEndpoint('10.0.0.2', 'q')])
  const v6 = slice('orders', 'b', [podEndpoint('2001:db8::1', 'p'), podEndpoint('2001:db8::2', 'q')], {
    addressType: 'IPv6',
  })

  it('counts no pod twice: IPv4 first', () => {
    expect(weightsOf([v6, v4])).toEqual({ '10.0.0.1': 1, '10.0.0.2': 1 })
  })

  it('uses the family that was asked for', () => {
    expect(weightsOf([v4, v6], { family: 6 })).toEqual({ '2001:db8::1': 1, '2001:db8::2': 1 })
    expect(weightsOf([v6], { family: 4 })).toEqual({})
  })

  it('uses IPv6 when only that has usable endpoints', () => {
    const down = slice('orders', 'a', [podEndpoint('10.0.0.1', 'p', { conditions: notReady })])
    expect(weightsOf([down, v6])).toEqual({ '2001:db8::1': 1, '2001:db8::2': 1 })
    expect(weightsOf([v6])).toEqual({ '2001:db8::1': 1, '2001:db8::2': 1 })
    expect(weightsOf([down])).toEqual({ '10.0.0.1': 0 })
  })

  it('gives an IPv6 address without a pod an id in brackets', () => {
    expect(instancesOf([slice('orders', 'a', ['::1'], { addressType: 'IPv6' })])[0]?.id).toBe('[::1]:8080')
  })
})

describe('zone hints', () => {
  const hinted = (address: string, zone: string, hint?: string, conditions = ready): object => ({
    addresses: [address],
    zone,
    conditions,
    ...(hint === undefined ? {} : { hints: { forZones: [{ name: hint }] } }),
  })
  const prioritiesOf = (endpoints: readonly object[], zone?: string): number[] =>
    instancesOf([slice('orders', 'a', endpoints as never[])], { zone }).map(({ priority }) => priority)

  it('make the endpoints of other zones a fallback', () => {
    expect(prioritiesOf([hinted('10.0.0.1', 'a', 'a'), hinted('10.0.0.2', 'b', 'b')], 'b')).toEqual([1, 0])
  })

  it('are honoured only if complete', () => {
    expect(prioritiesOf([hinted('10.0.0.1', 'a', 'a'), hinted('10.0.0.2', 'b')], 'a')).toEqual([0, 0])
  })

  it('are not expected of endpoints that are not used', () => {
    expect(prioritiesOf([hinted('10.0.0.1', 'a', 'a'), hinted('10.0.0.2', 'b', undefined, notReady)], 'a')).toEqual([
      0, 1,
    ])
  })
})

it('whatever the slices are, nobody who does not serve gets traffic, and no pod counts twice', () => {
  const conditions = fc.record({ ready: flag(), serving: flag(), terminating: flag() })
  const endpoint = fc.tuple(fc.integer({ min: 1, max: 6 }), conditions, fc.boolean()).map(([number, state, isPod]) => ({
    addresses: [`10.0.0.${number}`],
    conditions: state,
    ...(isPod ? { targetRef: { kind: 'Pod', name: `p${number}`, uid: `u${number}` } } : {}),
  }))
  const slices = fc.array(fc.array(endpoint, { maxLength: 5 }), { maxLength: 4 })
  fc.assert(
    fc.property(slices, (lists) => {
      const found = instancesOf(lists.map((endpoints, index) => slice('orders', `s${index}`, endpoints)))
      const reversed = instancesOf(
        lists.map((endpoints, index) => slice('orders', `s${index}`, endpoints)).toReversed(),
      )
      const all = lists.flat()
      expect(new Set(found.map(({ host }) => host))).toEqual(new Set(all.map(({ addresses }) => addresses[0])))
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length)
      const weights = (list: readonly ServiceInstance[]): string[] =>
        list.map(({ host, weight }) => `${host} ${weight}`).sort()
      expect(weights(reversed)).toEqual(weights(found))
      for (const { host, weight } of found) {
        const states = all.filter(({ addresses }) => addresses[0] === host).map(({ conditions: state }) => state)
        if (weight > 0) expect(states.some((state) => state.ready !== false || state.serving === true)).toBe(true)
        if (states.some((state) => state.ready !== false)) expect(weight).toBe(1)
      }
    }),
    { seed: 20_240_607, numRuns: 500 },
  )
})

function flag(): fc.Arbitrary<boolean | null> {
  return fc.constantFrom(true, false, null)
}
