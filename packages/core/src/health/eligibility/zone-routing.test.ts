import { instance } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { checkZoneOptions, routeByZone, type ZoneOptions, type ZoneRouting, zonePolicy } from './zone-routing.ts'

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
})

describe('zonePolicy', () => {
  it('fills in the defaults, and takes a name alone for the local zone', () => {
    const policy = { local: 'a', minInstances: 6, minLocalHealth: 0.7, clients: undefined, spillAt: 1.5 }
    expect(zonePolicy('a')).toEqual(policy)
    expect(zonePolicy({ local: 'a' })).toEqual(policy)
    expect(zonePolicy(undefined)).toBeUndefined()
    expect(zonePolicy(false)).toBeUndefined()
  })
})

describe('checkZoneOptions', () => {
  it.each([
    false,
    'a',
    { local: 'a' },
    { local: 'a', minInstances: 1, minLocalHealth: 0, clients: { a: 1 }, spillAt: 1 },
  ] as const)('passes %j', (options) => {
    checkZoneOptions('zone', options)
  })

  it.each([
    ['zone', ''],
    ['zone', null],
    ['zone', true],
    ['zone.local', {}],
    ['zone.local', { local: '' }],
    ['zone.minInstances', { local: 'a', minInstances: 0 }],
    ['zone.minLocalHealth', { local: 'a', minLocalHealth: 1.1 }],
    ['zone.spillAt', { local: 'a', spillAt: 0.9 }],
    ['zone.clients', { local: 'a', clients: null }],
    ['zone.clients', { local: 'a', clients: [1] }],
    ['zone.clients.b', { local: 'a', clients: { a: 1, b: -1 } }],
    ['zone.clients.b', { local: 'a', clients: { a: 1, b: undefined } }],
    ['zone.clients.a', { local: 'a', clients: { b: 1 } }],
    ['zone.clients.a', { local: 'a', clients: { a: 0 } }],
    ['zone.lokal', { lokal: 'a' }],
  ])('refuses %s in %j', (path, options) => {
    const check = (): void => checkZoneOptions('zone', options as unknown as ZoneOptions)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(expect.objectContaining({ option: path, message: expect.stringContaining(path) }))
  })
})
