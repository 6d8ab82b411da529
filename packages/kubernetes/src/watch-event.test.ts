import { DiscoveryError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { slice } from '../test/slices.ts'
import { apiStatusOf, isVersionUnusable } from './api-status.ts'
import { parseSliceList, parseWatchEvent } from './watch-event.ts'

function line(type: string, object: object): string {
  return JSON.stringify({ type, object })
}

const orders = slice('orders', 'orders-1', ['10.0.0.1'], { metadata: { name: 'orders-1', resourceVersion: '7' } })

describe('a line of a watch', () => {
  it.each([
    ['ADDED', 'changed'],
    ['MODIFIED', 'changed'],
  ])('%s has the slice as it is now', (type, meaning) => {
    expect(parseWatchEvent(line(type, orders))).toMatchObject({
      type: meaning,
      slice: { name: 'orders-1', endpoints: [{ address: '10.0.0.1' }] },
      resourceVersion: '7',
    })
  })

  it('DELETED names the slice', () => {
    expect(parseWatchEvent(line('DELETED', orders))).toEqual({
      type: 'deleted',
      name: 'orders-1',
      resourceVersion: '7',
    })
  })

  it('BOOKMARK has nothing but a version, which is opaque', () => {
    const bookmark = {
      kind: 'EndpointSlice',
      metadata: { resourceVersion: '98765432109876543210', creationTimestamp: null },
    }
    expect(parseWatchEvent(line('BOOKMARK', bookmark))).toEqual({
      type: 'bookmark',
      resourceVersion: '98765432109876543210',
    })
  })

  it('ERROR has a status', () => {
    const status = { kind: 'Status', status: 'Failure', message: 'too old', reason: 'Expired', code: 410 }
    expect(parseWatchEvent(line('ERROR', status))).toEqual({
      type: 'error',
      status: { code: 410, reason: 'Expired', message: 'too old', causes: [] },
    })
  })

  it.each([
    ['{"type":"ADDED","obj', 'no JSON'],
    ['7', 'the event must be an object'],
    [line('SYNCED', orders), 'unknown type'],
    [line('BOOKMARK', {}), 'metadata must be an object'],
    [line('BOOKMARK', { metadata: {} }), 'without its resourceVersion'],
    [line('MODIFIED', slice('orders', 'a', [])), 'without its resourceVersion'],
    [line('ADDED', { metadata: { resourceVersion: '7' } }), 'metadata.name'],
  ])('%s is refused', (text, message) => {
    const parse = (): unknown => parseWatchEvent(text)
    expect(parse).toThrow(DiscoveryError)
    expect(parse).toThrow(message)
  })
})

describe('a list', () => {
  it('has slices and the version from which a watch goes on', () => {
    const list = { kind: 'EndpointSliceList', metadata: { resourceVersion: '12' }, items: [orders] }
    expect(parseSliceList(list)).toMatchObject({ slices: [{ name: 'orders-1' }], resourceVersion: '12' })
    expect(parseSliceList({ ...list, items: null }).slices).toEqual([])
  })

  it.each<[unknown]>([
    [{}],
    [{ kind: 'Status', metadata: {}, status: 'Success' }],
    [{ kind: 'EndpointSliceList', items: [] }],
    [{ kind: 'EndpointSliceList', metadata: { resourceVersion: '1' } }],
    [{ kind: 'EndpointSliceList', metadata: { resourceVersion: '0' }, items: [] }],
    [{ kind: 'EndpointSliceList', metadata: { resourceVersion: '1' }, items: {} }],
    [[]],
  ])('is never an empty one by mistake: %j', (value) => {
    expect(() => parseSliceList(value)).toThrow(DiscoveryError)
  })
})

describe('a status', () => {
  it.each([
    ['{"code":410}', true],
    ['{"code":500,"reason":"Expired"}', true],
    ['{"reason":"Gone"}', true],
    ['{"code":504,"reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}}', true],
    ['{"code":504,"reason":"Timeout","details":{"causes":[{"reason":"Other"},7]}}', false],
    ['{"code":"410"}', false],
    ['<html>', false],
    ['null', false],
  ])('%s says whether the version is of no use: %s', (body, expected) => {
    expect(isVersionUnusable(apiStatusOf(body))).toBe(expected)
  })

  it('says one short line', () => {
    const { message } = apiStatusOf(JSON.stringify({ message: `a\nb\u2028c${'x'.repeat(1_000)}` }))
    expect(message).toMatch(/^a b cx{290,}$/)
    expect(message.length).toBeLessThanOrEqual(300)
  })
})
