import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import { zoneOption, zonePolicy } from './zone-options.ts'

describe('zonePolicy', () => {
  it('fills in the defaults, and takes a name alone for the local zone', () => {
    const policy = { local: 'a', minInstances: 6, minLocalHealth: 0.7, clients: undefined, spillAt: 1.5 }
    expect(zonePolicy('a')).toEqual(policy)
    expect(zonePolicy({ local: 'a' })).toEqual(policy)
    expect(zonePolicy({ local: 'a', clients: { a: 1 } })).toEqual({ ...policy, minLocalHealth: 0, clients: { a: 1 } })
    expect(zonePolicy(undefined)).toBeUndefined()
    expect(zonePolicy(false)).toBeUndefined()
  })
})

describe('zoneOption', () => {
  it.each([
    false,
    'a',
    { local: 'a' },
    { local: 'a', minInstances: 1, minLocalHealth: 0, clients: { a: 1 }, spillAt: 1 },
  ] as const)('passes %j', (options) => {
    zoneOption.check('zone', options)
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
    const check = (): void => zoneOption.check('zone', options)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(expect.objectContaining({ option: path, message: expect.stringContaining(path) }))
  })
})
