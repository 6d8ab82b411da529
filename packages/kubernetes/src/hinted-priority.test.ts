import { describe, expect, it } from 'vitest'
import { hintedPriority, type OwnPlace } from './hinted-priority.ts'

interface Hints {
  readonly forZones?: readonly string[]
  readonly forNodes?: readonly string[]
}

function prioritiesOf(hints: readonly Hints[], place: Partial<OwnPlace>): number[] {
  const endpoints = hints.map(({ forZones, forNodes }) => ({ forZones, forNodes }))
  return endpoints.map(hintedPriority(endpoints, { zone: undefined, node: undefined, ...place }))
}

describe('hints', () => {
  const byZone = [{ forZones: ['a'] }, { forZones: ['b'] }, { forZones: ['b', 'a'] }]

  it('put the endpoints for this zone first', () => {
    expect(prioritiesOf(byZone, { zone: 'a' })).toEqual([0, 1, 0])
    expect(prioritiesOf(byZone, { zone: 'b' })).toEqual([1, 0, 0])
  })

  it('count for nothing unless every endpoint has one', () => {
    expect(prioritiesOf([...byZone, {}], { zone: 'a' })).toEqual([0, 0, 0, 0])
  })

  it('count for nothing when none is for this zone, or the zone is not known', () => {
    expect(prioritiesOf(byZone, { zone: 'c' })).toEqual([0, 0, 0])
    expect(prioritiesOf(byZone, {})).toEqual([0, 0, 0])
    expect(prioritiesOf([], { zone: 'a' })).toEqual([])
  })

  it('put the endpoints for this node before those for this zone', () => {
    const both = [
      { forZones: ['a'], forNodes: ['n1'] },
      { forZones: ['a'], forNodes: ['n2'] },
      { forZones: ['b'], forNodes: ['n3'] },
    ]
    expect(prioritiesOf(both, { zone: 'a', node: 'n1' })).toEqual([0, 1, 2])
    expect(prioritiesOf(both, { zone: 'a', node: 'n9' })).toEqual([0, 0, 1])
    expect(prioritiesOf(both, { node: 'n2' })).toEqual([1, 0, 1])
  })
})
