import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearestName } from './nearest-name.ts'

const names = ['round-robin', 'smooth-weighted-round-robin', 'grouped', 'random']

describe('nearestName', () => {
  it.each([
    ['round-robbin', 'round-robin'],
    ['roundrobin', 'round-robin'],
    ['ROUND-ROBIN', 'round-robin'],
    ['randon', 'random'],
    ['group', 'grouped'],
    ['smooth-weighted', undefined],
    ['least-conn', undefined],
    ['', undefined],
    ['x', undefined],
  ])('for %j gives %j', (name, nearest) => {
    expect(nearestName(name, names)).toBe(nearest)
  })

  it('gives nothing when nothing is known', () => {
    expect(nearestName('a', [])).toBeUndefined()
  })

  it('prefers the first of two that are equally near', () => {
    expect(nearestName('bat', ['cat', 'hat'])).toBe('cat')
  })

  it('prefers the nearer one wherever it stands', () => {
    expect(nearestName('timeout', ['timeouts-x', 'timeouts'])).toBe('timeouts')
    expect(nearestName('timeout', ['timeouts', 'timeouts-x'])).toBe('timeouts')
  })

  it('answers quickly for a hostile name', () => {
    const startedAt = performance.now()
    for (let call = 0; call < 100; call++) nearestName('a'.repeat(100_000), names)
    // Uncut, each call would compare millions of characters; 100 calls take some 20 ms.
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })

  it('suggests nothing for a long name that is like none', () => {
    expect(nearestName('x'.repeat(300), names)).toBeUndefined()
  })

  it('finds a name in which one character was changed, dropped or added', () => {
    const typo = fc.record({
      name: fc.constantFrom(...names),
      at: fc.nat(5),
      kind: fc.constantFrom('drop', 'add', 'change'),
    })
    fc.assert(
      fc.property(typo, ({ name, at, kind }) => {
        const middle = kind === 'drop' ? '' : kind === 'add' ? `#${name[at]}` : '#'
        expect(nearestName(name.slice(0, at) + middle + name.slice(at + 1), names)).toBe(name)
      }),
      { seed: 20_240_603, numRuns: 1_000 },
    )
  })
})
