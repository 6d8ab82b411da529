import { describeDiscovery } from '@lb/testing/suites'
import { describe, expect, it } from 'vitest'
import { InvalidInstanceError, InvalidOptionError } from '../base/errors.ts'
import type { ServiceInstanceInit } from '../instance/instance.ts'
import { StaticDiscovery } from './static-discovery.ts'

let discovery = new StaticDiscovery()
describeDiscovery(
  'StaticDiscovery (contract)',
  {
    create: () => {
      discovery = new StaticDiscovery()
      return discovery
    },
    set: async (service, instances) => discovery.set(service, instances),
    // Everything is immediate; the limit only says how long a broken one is waited for.
    withinMs: 200,
  },
  { weights: true, priority: true, metadata: true, secure: true },
)

describe('StaticDiscovery', () => {
  it('gives the instances of the constructor, with defaults filled in', async () => {
    const [first, second] = await new StaticDiscovery({
      'user-service': ['10.0.1.12:8080', { host: '10.0.1.13', port: 8080, weight: 2 }],
    }).getInstances('user-service')
    expect(first).toMatchObject({ id: '10.0.1.12:8080', host: '10.0.1.12', port: 8080, weight: 1, priority: 0 })
    expect(second).toMatchObject({ id: '10.0.1.13:8080', weight: 2 })
  })

  it('calls a new watcher before watch returns', () => {
    const lists: (readonly ServiceInstanceInit[])[] = []
    new StaticDiscovery({ users: ['a:1'] }).watch('users', { next: (list) => lists.push(list), error: () => {} })
    expect(lists).toHaveLength(1)
  })

  it('tells an observer that watches twice until both subscriptions are closed', () => {
    const own = new StaticDiscovery()
    let calls = 0
    const observer = { next: () => calls++, error: () => {} }
    const first = own.watch('users', observer)
    const second = own.watch('users', observer)
    own.set('users', ['a:1'])
    expect(calls).toBe(4)
    first.close()
    first.close()
    own.set('users', ['b:1'])
    expect(calls).toBe(5)
    second.close()
    own.set('users', [])
    expect(calls).toBe(5)
  })

  it('keeps a later watcher when an earlier subscription is closed again', () => {
    const own = new StaticDiscovery()
    const early = own.watch('users', { next: () => {}, error: () => {} })
    early.close()
    let calls = 0
    own.watch('users', { next: () => calls++, error: () => {} })
    early.close()
    own.set('users', ['a:1'])
    expect(calls).toBe(2)
  })

  it('does not take over later changes of the lists it was given', async () => {
    const list = ['a:1']
    const own = new StaticDiscovery({ users: list })
    list.push('b:1')
    expect(await own.getInstances('users')).toHaveLength(1)
  })

  it('leaves every watcher with the latest list when one of them sets another meanwhile', () => {
    const own = new StaticDiscovery({ users: ['a:1'] })
    const seen: Record<'first' | 'second', readonly ServiceInstanceInit[]> = { first: [], second: [] }
    own.watch('users', {
      next: (list) => {
        seen.first = list
        if (list.length === 2) own.set('users', ['c:1'])
      },
      error: () => {},
    })
    own.watch('users', {
      next: (list) => {
        seen.second = list
      },
      error: () => {},
    })
    own.set('users', ['a:1', 'b:1'])
    expect(seen).toMatchObject({ first: [{ id: 'c:1' }], second: [{ id: 'c:1' }] })
  })

  it('refuses an id that occurs twice, naming the service and the place', () => {
    const build = (): unknown => new StaticDiscovery({ users: ['a:1', 'b:1', { host: 'c', port: 1, id: 'a:1' }] })
    expect(build).toThrow(InvalidInstanceError)
    expect(build).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_INSTANCE',
        field: 'id',
        service: 'users',
        message: expect.stringMatching(/^users\[2\]: id must be unique .*"a:1" occurs twice\. Remove one/),
      }),
    )
  })

  it('names the service and the place of an instance that cannot be used', () => {
    expect(() => new StaticDiscovery({ users: ['a:1', { host: 'b', port: 0 }] })).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_INSTANCE',
        field: 'port',
        service: 'users',
        message: 'users[1]: port of an instance must be an integer in [1, 65535], got 0 (number)',
      }),
    )
  })

  it('changes nothing and tells nobody when set throws', async () => {
    const own = new StaticDiscovery({ users: ['a:1'] })
    let calls = 0
    own.watch('users', { next: () => calls++, error: () => {} })
    expect(() => own.set('users', ['b:1', 'b:1'])).toThrow(InvalidInstanceError)
    expect(() => own.set('users', ['b:1', ':'])).toThrow(InvalidInstanceError)
    expect(await own.getInstances('users')).toMatchObject([{ id: 'a:1' }])
    expect(calls).toBe(1)
  })

  it.each([
    ['null', null, 'null (object)'],
    ['an array', [], 'an array of 0 (object)'],
    ['a string', 'a:1', '"a:1" (string)'],
  ])('refuses %s as services', (_, services, got) => {
    const build = (): unknown => new StaticDiscovery(services as unknown as Record<string, string[]>)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({
        option: 'StaticDiscovery.services',
        message: `StaticDiscovery.services must be an object of service names and lists of instances, got ${got}`,
      }),
    )
  })

  it.each([[null], [undefined], ['a:1'], [{}]])('refuses %s as the list of a service', (list) => {
    const set = (): void => new StaticDiscovery().set('users', list as unknown as string[])
    expect(set).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        option: 'StaticDiscovery.services.users',
        message: expect.stringContaining('must be an array of instances'),
      }),
    )
  })

  it('takes a service named like a property of every object for a plain name', async () => {
    const own = new StaticDiscovery()
    expect(await own.getInstances('constructor')).toEqual([])
    own.set('__proto__', ['a:1'])
    expect(await own.getInstances('__proto__')).toHaveLength(1)
    expect(await own.getInstances('toString')).toEqual([])
  })
})
