import { describe, expect, it } from 'vitest'
import { slice } from '../test/slices.ts'
import { type EndpointSlice, parseEndpointSlice } from './endpoint-slice.ts'
import { SliceStore } from './slice-store.ts'

function sliceOf(name: string, address: string, annotations: Record<string, string> = {}): EndpointSlice {
  return parseEndpointSlice(slice('orders', name, [address], { annotations }))
}

function namesIn(store: SliceStore): string[] {
  return [...store.slices].map(({ name }) => name)
}

describe('the slices of a Service', () => {
  it('are those of the last list, changed by what came after it', () => {
    const store = new SliceStore()
    store.replace({ slices: [sliceOf('a', '10.0.0.1'), sliceOf('b', '10.0.0.2')], resourceVersion: '1' })
    expect([store.set(sliceOf('c', '10.0.0.3')), store.delete('a'), store.delete('x')]).toEqual([true, true, false])
    expect(namesIn(store)).toEqual(['b', 'c'])
    store.replace({ slices: [sliceOf('d', '10.0.0.4')], resourceVersion: '2' })
    expect(namesIn(store)).toEqual(['d'])
  })

  it('have not changed when nothing that is used has', () => {
    const store = new SliceStore()
    store.replace({ slices: [sliceOf('a', '10.0.0.1')], resourceVersion: '1' })
    expect(store.set(sliceOf('a', '10.0.0.1'))).toBe(false)
    expect(store.set(sliceOf('a', '10.0.0.1', { 'lb/weight': '5' }))).toBe(true)
    expect(store.set(sliceOf('a', '10.0.0.9', { 'lb/weight': '5' }))).toBe(true)
  })

  it('are not more than anybody has', () => {
    const store = new SliceStore()
    const slices = Array.from({ length: 5_000 }, (_, index) => sliceOf(`s${index}`, '10.0.0.1'))
    store.replace({ slices, resourceVersion: '1' })
    expect(() => store.set(sliceOf('s1', '10.0.0.2'))).not.toThrow()
    expect(() => store.set(sliceOf('more', '10.0.0.1'))).toThrow('more than 5000 EndpointSlices')
    expect(() => store.replace({ slices: [...slices, sliceOf('more', '10.0.0.1')], resourceVersion: '1' })).toThrow()
    expect(namesIn(store)).toHaveLength(5_000)
  })
})
