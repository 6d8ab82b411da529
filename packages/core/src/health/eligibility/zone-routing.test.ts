import { instance } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServiceInstance } from '../../instance/instance.ts'
import { type ZoneOptions, zonePolicy } from './zone-options.ts'
import { routeByZone, type ZoneRouting } from './zone-routing.ts'

/** So many instances in each zone: `zones({ a: 2, b: 1 })`. An empty name is no zone. */
function zones(counts: Readonly<Record<string, number>>, weight = 1): ServiceInstance[] {
  return Object.entries(counts).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, index) =>
      instance(`${zone}${index}`, zone === '' ? { weight } : { zone, weight }),
    ),
  )
}

function route(
  usable: readonly ServiceInstance[],
  options: Partial<ZoneOptions> = {},
  members: readonly ServiceInstance[] = usable,
): ZoneRouting {
  return routeByZone(
    usable,
    members,
    zonePolicy({ local: 'a', ...options }) as NonNullable<ReturnType<typeof zonePolicy>>,
  )
}

/** Share by zone, in percent; `*`: all the others. */
function percents({ shares }: ZoneRouting): Record<string, number> {
  return Object.fromEntries(shares.map(({ zone = '*', share }) => [zone, Math.round(share * 1e6) / 1e4]))
}

describe('routeByZone with known client shares', () => {
  const clients = { a: 40, b: 40, c: 20 }

  it('keeps 62.5 % of the traffic local: clients 40/40/20, instances 25/50/25', () => {
    const routing = route(zones({ a: 5, b: 10, c: 5 }), { clients })
    // The others have 10 and 5 points left over, of 15.
    expect(percents(routing)).toEqual({ a: 62.5, b: 25, c: 12.5 })
    expect(routing).toMatchObject({ active: true, reason: expect.stringContaining('62.5 % stay in zone a') })
  })

  it('keeps everything local when the zone has more instances than clients', () => {
    expect(percents(route(zones({ a: 5, b: 3, c: 2 }), { clients }))).toEqual({ a: 100, b: 0, c: 0 })
  })

  it('gives nothing to zones that their own clients fill', () => {
    // b has as many instances as clients, c has three times as many.
    expect(percents(route(zones({ a: 1, b: 4, c: 5 }), { clients: { a: 5, b: 4, c: 1 } }))).toEqual({
      a: 20,
      b: 0,
      c: 80,
    })
  })

  it('takes a zone without clients for free capacity, and clients in a zone without instances for demand', () => {
    expect(percents(route(zones({ a: 2, d: 6 }), { clients: { a: 1, elsewhere: 1 } }))).toEqual({ a: 50, d: 50 })
  })

  it('counts instances by weight', () => {
    const usable = [...zones({ a: 5 }, 2), ...zones({ b: 10 }, 4), ...zones({ c: 5 }, 2)]
    // Weights 10, 40, 10 of 60: 16.7, 66.7, 16.7.
    expect(percents(route(usable, { clients }))).toEqual({ a: 41.6667, b: 58.3333, c: 0 })
  })

  it('takes instances without a zone for one zone of their own', () => {
    expect(percents(route(zones({ a: 2, '': 6 }), { clients: { a: 1, b: 1 } }))).toEqual({ a: 50, '': 50 })
  })

  it('splits every instance into exactly one part, and the shares to 1', () => {
    const usable = zones({ a: 3, b: 2, '': 2, d: 1 })
    const { shares } = route(usable, { clients })
    expect(shares.flatMap(({ members }) => members).toSorted((x, y) => x.id.localeCompare(y.id))).toEqual(
      usable.toSorted((x, y) => x.id.localeCompare(y.id)),
    )
    expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9)
  })

  it('finds no clients under the names of properties of every object', () => {
    const usable = [...zones({ a: 3 }), ...zones({ constructor: 3 })]
    expect(percents(route(usable, { clients: { a: 1 } }))).toEqual({ a: 50, constructor: 50 })
  })
})

describe('routeByZone without instances in the local zone', () => {
  it('sends the traffic to the capacity that the clients of the other zones leave', () => {
    // Of 6 instances c and f have 2 each and need 1.5 for their own clients: ½ is left in each, and 1 in e and h.
    const routing = route(zones({ c: 2, e: 1, f: 2, h: 1 }), { clients: { a: 1, c: 1, d: 1, f: 1 } })
    expect(percents(routing)).toEqual({ c: 16.6667, e: 33.3333, f: 16.6667, h: 33.3333 })
    expect(routing).toMatchObject({ active: true, reason: expect.stringContaining('0 % stay in zone a') })
  })

  it('sends everything to the only zone that has instances', () => {
    expect(percents(route(zones({ b: 6 }), { clients: { a: 1, b: 1 } }))).toEqual({ b: 100 })
  })

  it('goes by capacity where rounding leaves none', () => {
    expect(percents(route(zones({ b: 6 }), { clients: { a: 1, b: 1e300 } }))).toEqual({ b: 100 })
    expect(percents(route(zones({ b: 3, c: 3 }), { clients: { a: 1e-300, b: 1e300, c: 1e300 } }))).toEqual({
      b: 50,
      c: 50,
    })
  })
})

describe('routeByZone in all zones together, with known client shares', () => {
  /** Clients and instances of up to five zones, with weights; some zones have only one of both. */
  const fleet = fc.record({
    clients: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.integer({ min: 1, max: 1_000 }), {
      minKeys: 1,
    }),
    usable: fc
      .array(
        fc.record({
          zone: fc.constantFrom('a', 'b', 'c', 'd', 'e', ''),
          weight: fc.constantFrom(1, 1, 1, 0.5, 3, 100),
          healthy: fc.boolean(),
        }),
        { minLength: 1, maxLength: 30 },
      )
      .map((list) =>
        list.map(({ zone, weight, healthy }, index) => ({
          ...instance(`i${index}`, zone === '' ? { weight } : { zone, weight }),
          healthy,
        })),
      ),
  })

  function sum(values: readonly number[]): number {
    return values.reduce((all, value) => all + value, 0)
  }

  it('loads every usable instance by its weight, and keeps as much traffic in its zone as that allows', () => {
    fc.assert(
      fc.property(fleet, ({ clients, usable: members }) => {
        const healthy = members.filter((each) => each.healthy)
        const usable = healthy.length === 0 ? members : healthy
        const demand = sum(Object.values(clients))
        const capacity = sum(usable.map(({ weight }) => weight))
        const capacityOf = (zone: string): number =>
          sum(usable.map((each) => (each.zone === zone ? each.weight / capacity : 0)))
        const loads = new Map<string, number>()
        for (const [local, share] of Object.entries(clients)) {
          const { shares } = route(usable, { local, clients, minInstances: 1 }, members)
          expect(sum(shares.map((each) => each.share))).toBeCloseTo(1, 9)
          let inZone = 0
          for (const { zone, share: part, members: group } of shares) {
            expect(part).toBeGreaterThanOrEqual(0)
            const weight = sum(group.map((each) => each.weight))
            for (const each of group) {
              const load = (share / demand) * part * (each.weight / weight)
              loads.set(each.id, (loads.get(each.id) ?? 0) + load)
              if (each.zone === local) inZone += load
            }
            expect(group.every((each) => zone === undefined || (each.zone ?? '') === zone)).toBe(true)
          }
          // Not more than its clients send, nor than its part of an even load.
          expect(inZone).toBeCloseTo(Math.min(share / demand, capacityOf(local)), 9)
        }
        for (const { id, weight } of usable) expect(loads.get(id)).toBeCloseTo(weight / capacity, 9)
      }),
      { seed: 20_240_607, numRuns: 300 },
    )
  })

  it('gives shares that sum to 1, whatever the numbers', () => {
    const anyNumber = fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true })
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('b', 'c', '__proto__'), anyNumber),
        fc.double({ min: 5e-324, max: Number.MAX_VALUE, noNaN: true }),
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom(1, 1e-6, 1e6)), { minLength: 1 }),
        (others, own, list) => {
          const usable = list.map(([zone, weight], index) => instance(`i${index}`, { zone, weight }))
          const { shares } = route(usable, { clients: { ...others, a: own }, minInstances: 1 })
          for (const { share } of shares) expect(share).toBeGreaterThanOrEqual(0)
          expect(sum(shares.map(({ share }) => share))).toBeCloseTo(1, 9)
        },
      ),
    )
  })
})

describe('routeByZone with unknown client shares', () => {
  it('puts the local zone first, with the others for its spill', () => {
    const { active, shares } = route(zones({ a: 3, b: 2, c: 2 }))
    expect(active).toBe(true)
    expect(shares).toMatchObject([
      { zone: 'a', share: 1, spillAt: 1.5, members: { length: 3 } },
      { zone: undefined, share: 0, members: { length: 4 } },
    ])
  })
})

describe('routeByZone is inactive', () => {
  it.each([
    ['few instances', zones({ a: 3, b: 2 }), {}, '5 usable instances, fewer than 6'],
    ['few instances, by option', zones({ a: 3, b: 3 }), { minInstances: 7 }, '6 usable instances, fewer than 7'],
    ['no local instance', zones({ b: 3, c: 3 }), {}, 'no usable instance in zone a'],
    ['only local instances', zones({ a: 6 }), {}, 'no usable instance in another zone than a'],
    ['no instance at all', [], {}, '0 usable instances, fewer than 6'],
  ])('with %s, and says so', (_, usable, options, reason) => {
    expect(route(usable, options)).toEqual({
      active: false,
      reason,
      shares: [{ zone: undefined, share: 1, members: usable }],
    })
  })

  it('while too few local instances are usable', () => {
    const members = zones({ a: 10, b: 10 })
    const usable = members.filter(({ id }) => !['a0', 'a1', 'a2', 'a3'].includes(id))
    expect(route(usable, {}, members)).toMatchObject({
      active: false,
      reason: '6 of 10 instances in zone a are usable, less than 70 %',
    })
    expect(route([...usable, members[0] as ServiceInstance], {}, members).active).toBe(true)
    expect(route(usable, { minLocalHealth: 0.6 }, members).active).toBe(true)
  })

  it('with known clients only if that is asked for: their split counts usable instances alone', () => {
    const members = zones({ a: 10, b: 10 })
    const usable = members.filter(({ id }) => !['a0', 'a1', 'a2', 'a3'].includes(id))
    const clients = { a: 1, b: 1 }
    expect(percents(route(usable, { clients }, members))).toEqual({ a: 75, b: 25 })
    expect(route(usable, { clients, minLocalHealth: 0.7 }, members).active).toBe(false)
  })
})
