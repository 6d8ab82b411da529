import { instance, instances, seededRandom, weighted } from '@lb/testing'
import { describeBalancer } from '@lb/testing/suites'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changed, churn, churnRuns, countPicks, positive } from '../../test/churn.ts'
import { fiveDeviations } from '../../test/tolerance.ts'
import { InvalidOptionError } from '../base/errors.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import { GroupedBalancer, type GroupedOptions } from './grouped.ts'

describeBalancer('GroupedBalancer', (options) => new GroupedBalancer(options), { weights: 'exact', sequential: true })
describeBalancer(
  'GroupedBalancer by zone',
  (options) => new GroupedBalancer({ ...options, groupOf: ({ zone }) => zone }),
  { sequential: true },
)

const groupOf = ({ metadata }: ServiceInstance): string | undefined => metadata.version

/** Instances `${version}0`, `${version}1`, … for each version. */
function versions(sizes: Readonly<Record<string, number>>): ServiceInstance[] {
  return Object.entries(sizes).flatMap(([version, size]) =>
    Array.from({ length: size }, (_, index) => instance(`${version}${index}`, { metadata: { version } })),
  )
}

function filled(options: GroupedOptions, list: readonly ServiceInstance[]): GroupedBalancer {
  const balancer = new GroupedBalancer(options)
  balancer.update(list)
  return balancer
}

function byGroup(counts: Readonly<Record<string, number>>): Record<string, number> {
  const groups: Record<string, number> = {}
  for (const [id, count] of Object.entries(counts)) {
    const group = id.replace(/\d+$/, '')
    groups[group] = (groups[group] ?? 0) + count
  }
  return groups
}

describe('GroupedBalancer.wantedShares', () => {
  it('is the share of the group, split evenly; without any share, groups are equal', () => {
    const balancer = new GroupedBalancer({ groupOf: ({ id }) => id[0], shares: { a: 3, b: 1 } })
    balancer.update([instance('a1'), instance('a2'), instance('b1')])
    expect(Object.fromEntries(balancer.wantedShares())).toEqual({ a1: 0.375, a2: 0.375, b1: 0.25 })
    balancer.setShares({ a: 0, b: 0, c: 1 })
    const picked = Array.from({ length: 8 }, () => balancer.pick()?.id[0])
    const part = picked.filter((group) => group === 'b').length / 8
    expect(balancer.wantedShares().get('b1')).toBe(part)
  })
})

describe('GroupedBalancer with the defaults', () => {
  it('gives each instance exactly its weighted share', () => {
    const weights = { a: 5, b: 5, c: 2, d: 1, e: 1, f: 1 }
    const balancer = filled({ random: seededRandom(1) }, weighted({ ...weights, g: 0 }))
    for (let cycle = 0; cycle < 4; cycle++) expect(countPicks(balancer, 15)).toEqual(weights)
  })

  it('gives each instance exactly its weighted share, for any integer weights', () => {
    const weights = fc.array(fc.nat(9), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(weights, fc.integer(), (list, seed) => {
        fc.pre(list.some((weight) => weight > 0))
        const balancer = filled(
          { random: seededRandom(seed) },
          list.map((weight, index) => instance(`i${index}`, { weight })),
        )
        const expected = Object.fromEntries(list.map((weight, index) => [`i${index}`, weight]))
        const cycle = list.reduce((sum, weight) => sum + weight, 0)
        for (let round = 0; round < 2; round++) {
          expect({ ...zeros(list.length), ...countPicks(balancer, cycle) }).toEqual(expected)
        }
      }),
      { seed: 1, numRuns: 1_000 },
    )
  })

  it.each([
    [
      { a: 0.5, b: 1.5, c: 1.5 },
      { a: 1, b: 3, c: 3 },
    ],
    [
      { a: 1e300, b: 2e300, c: 1e300 },
      { a: 1, b: 2, c: 1 },
    ],
    [
      { a: Number.MAX_VALUE, b: Number.MAX_VALUE },
      { a: 1, b: 1 },
    ],
    [
      { a: 0, b: 0, c: 0 },
      { a: 1, b: 1, c: 1 },
    ],
  ])('takes %o as %o', (weights, expected) => {
    const cycle = Object.values(expected).reduce((sum, weight) => sum + weight, 0)
    const balancer = filled({ start: 0 }, weighted(weights))
    for (let round = 0; round < 3; round++) expect(countPicks(balancer, cycle)).toEqual(expected)
  })

  it('keeps the proportions when the weights of a group sum to more than a number can hold', () => {
    const huge = Number.MAX_VALUE
    const balancer = filled({ start: 0 }, weighted({ a: huge, b: huge, c: huge, d: huge / 2 }))
    expect(countPicks(balancer, 7)).toEqual({ a: 2, b: 2, c: 2, d: 1 })
  })

  it('matches the weights with the first picks of 1 000 fresh clients', () => {
    const clients = 1_000
    const random = seededRandom(2)
    const list = weighted({ a: 5, b: 1, c: 1, d: 5 })
    const firsts = Array.from({ length: clients }, () => filled({ random }, list).pick()?.id)
    for (const { id, weight } of list) {
      const count = firsts.filter((first) => first === id).length
      expect(Math.abs(count - (clients * weight) / 12)).toBeLessThan(fiveDeviations(clients, weight / 12))
    }
  })

  it('matches the weights with the next picks of 1 000 clients when every group was replaced', () => {
    const clients = 1_000
    const random = seededRandom(3)
    const nexts = Array.from({ length: clients }, () => {
      const balancer = filled({ random }, weighted({ a: 5, b: 1 }))
      balancer.update(weighted({ x: 3, y: 2 }))
      return balancer.pick()?.id
    })
    const x = nexts.filter((id) => id === 'x').length
    expect(Math.abs(x - clients * 0.6)).toBeLessThan(fiveDeviations(clients, 0.6))
  })

  it('keeps its promises through any changes', () => {
    fc.assert(
      fc.property(churn, fc.integer(), (steps, seed) => {
        const balancer = new GroupedBalancer({ random: seededRandom(seed) })
        let list: ServiceInstance[] = []
        for (const step of steps) {
          list = changed(list, step)
          balancer.update(list)
          const avoid = new Set(step.type === 'avoid' ? step.ids : [])
          const allowed = positive(list).filter(({ id }) => !avoid.has(id))
          for (let pick = 0; pick < (step.type === 'pick' ? step.times : 1); pick++) {
            const picked = balancer.pick({ avoid })
            if (list.length === 0) expect(picked).toBeUndefined()
            else expect(allowed.length > 0 ? allowed : list).toContain(picked)
          }
        }
        expectExactFromSecondCycle(balancer, list)
      }),
      churnRuns,
    )
  })
})

describe('GroupedBalancer with shares', () => {
  const shares = { stable: 95, canary: 5 }

  it('splits the traffic by the shares, and evenly within a group', () => {
    const balancer = filled({ groupOf, shares, random: seededRandom(4) }, versions({ canary: 1, stable: 5 }))
    const expected = { stable0: 19, stable1: 19, stable2: 19, stable3: 19, stable4: 19, canary0: 5 }
    for (let cycle = 0; cycle < 3; cycle++) expect(countPicks(balancer, 100)).toEqual(expected)
  })

  it('spreads the share of an empty group over the others by their shares', () => {
    const balancer = filled({ groupOf, shares: { a: 50, b: 30, c: 20 } }, versions({ b: 2, c: 1 }))
    expect(byGroup(countPicks(balancer, 50))).toEqual({ b: 30, c: 20 })
  })

  it.each([
    ['a named group', ['b'], { b: 2, c: 1 }, { b: 80, c: 20 }],
    ['a group that is not named', ['x'], { b: 2, c: 1, x: 1 }, { b: 30, c: 20, x: 50 }],
    ['the first of them that has members', ['y', 'a', 'c', 'b'], { b: 2, c: 1 }, { b: 30, c: 70 }],
    ['nobody when none of them has members', ['y'], { b: 2, c: 1 }, { b: 60, c: 40 }],
  ])('gives the share of an empty group to the fallback: %s', (_, fallback, sizes, expected) => {
    const balancer = filled({ groupOf, shares: { a: 50, b: 30, c: 20 }, fallback }, versions(sizes))
    expect(byGroup(countPicks(balancer, 100))).toEqual(expected)
  })

  it('gives the fallback nothing beyond its own share while every named group has members', () => {
    const balancer = filled({ groupOf, shares, fallback: ['x'] }, versions({ stable: 1, canary: 1, x: 1 }))
    expect(countPicks(balancer, 100)).toEqual({ stable0: 95, canary0: 5 })
  })

  it('uses a group that is not named only when no named one has members', () => {
    const balancer = filled({ groupOf, shares }, versions({ stable: 1, x: 2 }))
    expect(countPicks(balancer, 50)).toEqual({ stable0: 50 })
    balancer.update(versions({ x: 2 }))
    expect(countPicks(balancer, 50)).toEqual({ x0: 25, x1: 25 })
  })

  it('gives the share back when the members of a group are back', () => {
    const balancer = filled({ groupOf, shares }, versions({ stable: 2, canary: 1 }))
    balancer.update(versions({ stable: 2 }))
    expect(byGroup(countPicks(balancer, 10))).toEqual({ stable: 10 })
    balancer.update(versions({ stable: 2, canary: 1 }))
    countPicks(balancer, 20)
    expect(byGroup(countPicks(balancer, 20))).toEqual({ stable: 19, canary: 1 })
  })

  it('is not changed by what the caller does with the options afterwards', () => {
    const own = { stable: 1, canary: 1 }
    const fallback = ['x']
    const balancer = new GroupedBalancer({ groupOf, shares: own, fallback })
    own.canary = 99
    fallback.pop()
    balancer.update(versions({ stable: 1, x: 1 }))
    expect(countPicks(balancer, 10)).toEqual({ stable0: 5, x0: 5 })
  })

  it('starts within the groups and within each group at `start`', () => {
    const ids = (start: number): (string | undefined)[] => {
      const balancer = filled({ groupOf, shares: { a: 2, b: 1 }, start }, versions({ a: 2, b: 2 }))
      return Array.from({ length: 3 }, () => balancer.pick()?.id)
    }
    expect(ids(0)).toEqual(['a0', 'b0', 'a1'])
    expect(ids(1)).toEqual(['b1', 'a1', 'a0'])
  })
})

describe('GroupedBalancer and groupOf', () => {
  it('puts instances without a group into the group with the empty name', () => {
    const list = [...versions({ stable: 1 }), ...instances(2)]
    const balancer = filled({ groupOf, shares: { stable: 2, '': 2 } }, list)
    expect(countPicks(balancer, 8)).toEqual({ stable0: 4, i0: 2, i1: 2 })
  })

  it('refuses a group that is not a string, and keeps the candidates it had', () => {
    let group: unknown = 'a'
    const balancer: GroupedBalancer = Reflect.construct(GroupedBalancer, [{ groupOf: () => group }])
    balancer.update(instances(2))
    group = 5
    const update = (): void => balancer.update(instances(3))
    expect(update).toThrow(InvalidOptionError)
    expect(update).toThrow('GroupedBalancer.groupOf() must be a string or undefined, got 5 (number)')
    expect(countPicks(balancer, 10)).toEqual({ i0: 5, i1: 5 })
  })
})

describe('GroupedBalancer, when instances are to be avoided', () => {
  const shares = { a: 50, b: 30, c: 20 }
  const list = versions({ a: 2, b: 2, c: 1 })

  it('goes to the other groups, by their shares, when a whole group is to be avoided', () => {
    const balancer = filled({ groupOf, shares, random: seededRandom(5) }, list)
    const avoid = new Set(['a0', 'a1'])
    const counts: Record<string, number> = {}
    for (let pick = 0; pick < 100; pick++) {
      const id = balancer.pick({ avoid })?.id ?? 'nobody'
      counts[id] = (counts[id] ?? 0) + 1
    }
    expect(counts).toEqual({ b0: 30, b1: 30, c0: 40 })
  })

  it('stays in a group of which somebody is left', () => {
    const balancer = filled({ groupOf, shares }, list)
    const avoid = new Set(['a0', 'b1'])
    const picked = Array.from({ length: 50 }, () => balancer.pick({ avoid })?.id)
    expect(picked.filter((id) => id === 'a1')).toHaveLength(25)
    expect(picked.filter((id) => id === 'b0')).toHaveLength(15)
  })

  it('does not take the turn of any group', () => {
    const balancer = filled({ groupOf, shares, random: seededRandom(6) }, list)
    const counts: Record<string, number> = {}
    for (let pick = 0; pick < 100; pick++) {
      const id = balancer.pick()?.id ?? 'nobody'
      counts[id] = (counts[id] ?? 0) + 1
      for (let retry = 0; retry < pick % 3; retry++) balancer.pick({ avoid: new Set([id]) })
    }
    expect(counts).toEqual({ a0: 25, a1: 25, b0: 15, b1: 15, c0: 20 })
  })

  it('goes on as if nobody was when that is everybody', () => {
    const balancer = filled({ groupOf, shares }, list)
    const avoid = new Set(list.map(({ id }) => id))
    const picked = Array.from({ length: 100 }, () => balancer.pick({ avoid })?.id)
    expect(picked.filter((id) => id === 'c0')).toHaveLength(20)
    expect(picked.filter((id) => id === 'a0')).toHaveLength(25)
  })
})

describe('GroupedBalancer, given bad options', () => {
  it.each([
    [{ groupsOf: groupOf }, 'GroupedBalancer.groupsOf is not a known option. Did you mean groupOf?'],
    [{ share: {} }, 'GroupedBalancer.share is not a known option. Did you mean shares?'],
    [{ groupOf: 'version' }, 'GroupedBalancer.groupOf must be a function, got "version" (string)'],
    [{ random: 1 }, 'GroupedBalancer.random must be a function, got 1 (number)'],
    [{ start: -1 }, 'GroupedBalancer.start must be an integer ≥ 0, got -1 (number)'],
    [{ shares: null }, 'GroupedBalancer.shares must be an object of group names and numbers, got null (object)'],
    [{ shares: 95 }, 'GroupedBalancer.shares must be an object of group names and numbers, got 95 (number)'],
    [{ shares: { a: -1 } }, 'GroupedBalancer.shares.a must be a finite number ≥ 0, got -1 (number)'],
    [{ shares: { a: '5' } }, 'GroupedBalancer.shares.a must be a finite number'],
    [{ shares: { a: undefined } }, 'GroupedBalancer.shares.a must be a finite number'],
    [{ shares: { a: Number.POSITIVE_INFINITY } }, 'GroupedBalancer.shares.a must be a finite number'],
    [{ shares: { a: 0, b: 0 } }, 'GroupedBalancer.shares must give at least one group a share above 0'],
    [{ shares: {} }, 'GroupedBalancer.shares must give at least one group a share above 0'],
    [{ fallback: 'stable' }, 'GroupedBalancer.fallback must be an array of group names, got "stable" (string)'],
    [{ fallback: [1] }, 'GroupedBalancer.fallback must be an array of group names, got an array of 1 (object)'],
    [null, 'GroupedBalancer must be an object, got null (object)'],
  ])('rejects %o', (options, message) => {
    const construct = (): unknown => Reflect.construct(GroupedBalancer, [options])
    expect(construct).toThrow(InvalidOptionError)
    expect(construct).toThrow(message)
  })
})

function zeros(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`i${index}`, 0]))
}

/** Over twice the sum of the weights, as the churn draws halves. */
function expectExactFromSecondCycle(balancer: GroupedBalancer, list: readonly ServiceInstance[]): void {
  const total = list.reduce((sum, { weight }) => sum + weight, 0)
  const cycle = total === 0 ? list.length : 2 * total
  countPicks(balancer, cycle)
  const counts = countPicks(balancer, cycle)
  for (const { id, weight } of list) expect(counts[id] ?? 0).toBe(total === 0 ? 1 : 2 * weight)
}
