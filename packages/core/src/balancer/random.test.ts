import { instance, instances, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changed, churn, churnRuns, countPicks, positive } from '../../test/churn.ts'
import { fiveDeviations } from '../../test/tolerance.ts'
import { InvalidOptionError } from '../base/errors.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import { RandomBalancer } from './random.ts'

describeBalancer('RandomBalancer', (options) => new RandomBalancer(options), { weights: 'statistical' })

function filled(random: () => number, list: readonly ServiceInstance[]): RandomBalancer {
  const balancer = new RandomBalancer({ random })
  balancer.update(list)
  return balancer
}

describe('RandomBalancer', () => {
  it.each([
    { a: 1, b: 1, c: 1 },
    { a: 5, b: 1, c: 1 },
    { a: 90, b: 9, c: 1 },
    { a: 0.5, b: 1.5, c: 8 },
  ])('distributes three instances as a fair draw would: %o', (weights) => {
    const picks = 100_000
    const total = weights.a + weights.b + weights.c
    const counts = countPicks(filled(seededRandom(1), weighted(weights)), picks)
    let chiSquare = 0
    for (const [id, weight] of Object.entries(weights)) {
      const expected = (picks * weight) / total
      chiSquare += ((counts[id] ?? 0) - expected) ** 2 / expected
    }
    // With two degrees of freedom, P(χ² > x) = e^(−x/2): 27.6 is exceeded by one fair run in a million.
    expect(chiSquare).toBeLessThan(27.6)
  })

  it('gives each of 100 instances its share', () => {
    const picks = 200_000
    const list = instances(100).map((member, index) => ({ ...member, weight: 1 + (index % 7) }))
    const total = list.reduce((sum, { weight }) => sum + weight, 0)
    const counts = countPicks(filled(seededRandom(2), list), picks)
    for (const { id, weight } of list) {
      const share = weight / total
      expect(Math.abs((counts[id] ?? 0) - picks * share)).toBeLessThan(fiveDeviations(picks, share))
    }
  })

  it('gives each instance its share of all that random can give, for any weights', () => {
    const weights = fc.array(fc.oneof(fc.nat(9), fc.double({ min: 0, max: 3, noNaN: true })), {
      minLength: 1,
      maxLength: 6,
    })
    const steps = 100
    fc.assert(
      fc.property(weights, (list) => {
        const total = list.reduce((sum, weight) => sum + weight, 0)
        fc.pre(total > 0)
        // A pick takes one number; together the picks go evenly over all that random can give.
        let draw = 0
        const grid = (): number => (draw++ + 0.5) / (list.length * steps)
        const members = list.map((weight, index) => instance(`i${index}`, { weight }))
        const picks = list.length * steps
        const counts = countPicks(filled(grid, members), picks)
        // Each slot is split between two, off by at most one step.
        for (const { id, weight } of members) {
          expect(Math.abs((counts[id] ?? 0) - (picks * weight) / total)).toBeLessThanOrEqual(list.length)
        }
      }),
      { seed: 1, numRuns: 1_000 },
    )
  })

  it('gives those that are not to be avoided their shares among themselves', () => {
    const picks = 40_000
    const avoid = new Set(['a'])
    const balancer = filled(seededRandom(3), weighted({ a: 5, b: 3, c: 1, d: 0 }))
    let b = 0
    for (let pick = 0; pick < picks; pick++) {
      const id = balancer.pick({ avoid })?.id
      expect(['b', 'c']).toContain(id)
      if (id === 'b') b++
    }
    expect(Math.abs(b - picks * 0.75)).toBeLessThan(fiveDeviations(picks, 0.75))
  })

  it.each([
    [{ a: 1e300, b: 1e300, c: 0 }, 0.5],
    [{ a: Number.MAX_VALUE, b: Number.MAX_VALUE, c: Number.MAX_VALUE }, 1 / 3],
    [{ a: 1e-12, b: 3e-12 }, 0.25],
    [{ a: 0.5, b: 1.5 }, 0.25],
    [{ a: Number.MIN_VALUE, b: Number.MIN_VALUE, c: 0 }, 0.5],
  ] as const)('keeps the proportions of %o', (weights, share) => {
    const picks = 20_000
    const counts = countPicks(filled(seededRandom(4), weighted(weights)), picks)
    expect(Math.abs((counts.a ?? 0) - picks * share)).toBeLessThan(fiveDeviations(picks, share))
    if ('c' in weights && weights.c === 0) expect(counts.c).toBeUndefined()
  })

  it.each([0, 1, Number.NaN, 1 - 2 ** -53])('gives a member of positive weight when random gives %d', (value) => {
    const list = weighted({ a: 0, b: 3, c: 0.1, d: 0, e: 7, f: 0 })
    const balancer = filled(() => value, list)
    expect(['b', 'c', 'e']).toContain(balancer.pick()?.id)
    expect(['b', 'c']).toContain(balancer.pick({ avoid: new Set(['e']) })?.id)
    expect(['b', 'c', 'e']).toContain(balancer.pick({ avoid: new Set(list.map(({ id }) => id)) })?.id)
  })

  it('gives members only, none of weight 0 among positive ones, and none to be avoided, through any changes', () => {
    fc.assert(
      fc.property(churn, fc.integer(), (steps, seed) => {
        const balancer = new RandomBalancer({ random: seededRandom(seed) })
        let list: ServiceInstance[] = []
        for (const step of steps) {
          list = changed(list, step)
          balancer.update(list)
          const avoid = new Set(step.type === 'avoid' ? step.ids : [])
          const allowed = positive(list).filter(({ id }) => !avoid.has(id))
          const picked = balancer.pick({ avoid })
          if (list.length === 0) expect(picked).toBeUndefined()
          else if (allowed.length > 0) expect(allowed).toContain(picked)
          else expect(list).toContain(picked)
        }
      }),
      churnRuns,
    )
  })

  it.each([
    [{ randon: Math.random }, 'RandomBalancer.randon is not a known option. Did you mean random?'],
    [{ random: 0.5 }, 'RandomBalancer.random must be a function, got 0.5 (number)'],
    [{ random: null }, 'RandomBalancer.random must be a function, got null (object)'],
    [null, 'RandomBalancer must be an object, got null (object)'],
    [[], 'RandomBalancer must be an object, got an array of 0 (object)'],
  ])('rejects the options %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(RandomBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })
})
