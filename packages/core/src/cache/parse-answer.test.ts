import { describe, expect, it } from 'vitest'
import { DiscoveryError, InvalidInstanceError } from '../base/errors.ts'
import { parseAnswer } from './parse-answer.ts'

describe('parseAnswer', () => {
  it('parses every entry, in order', () => {
    const { instances, rejected } = parseAnswer('users', ['a:1', { host: 'b', port: 2, weight: 3 }])
    expect(instances).toMatchObject([
      { id: 'a:1', weight: 1 },
      { id: 'b:2', weight: 3 },
    ])
    expect(rejected).toEqual([])
  })

  it('takes an empty list for a list', () => {
    expect(parseAnswer('users', [])).toEqual({ instances: [], rejected: [] })
  })

  it.each([
    [null, 'null'],
    [undefined, 'undefined'],
    ['a:1', '"a:1"'],
    [7, '7'],
    [{ instances: [] }, 'an object'],
    [new Set(['a:1']), 'an object'],
  ])('refuses %s as an answer', (answer, got) => {
    const parse = (): unknown => parseAnswer('users', answer)
    expect(parse).toThrow(DiscoveryError)
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'LB_DISCOVERY',
        service: 'users',
        message: `users: the discovery must give an array of instances, got ${got}`,
      }),
    )
  })

  it('leaves out what is unusable, and says why', () => {
    const { instances, rejected } = parseAnswer('users', ['a:1', { host: 'b', port: 0 }, null, 7, 'c:3'])
    expect(instances.map(({ id }) => id)).toEqual(['a:1', 'c:3'])
    expect(rejected.map(({ field }) => field)).toEqual(['port', 'instance', 'instance'])
    for (const error of rejected) expect(error).toBeInstanceOf(InvalidInstanceError)
  })

  it('leaves out what throws when it is looked at, and keeps the rest', () => {
    const thrower = (error: unknown) => ({
      get host(): string {
        throw error
      },
      port: 1,
    })
    const answer = ['a:1', thrower(new Error('no host')), thrower(Object.create(null)), 'c:3']
    const { instances, rejected } = parseAnswer('users', answer)
    expect(instances.map(({ id }) => id)).toEqual(['a:1', 'c:3'])
    expect(rejected).toMatchObject([
      { field: 'instance', service: 'users', message: 'an instance: no host' },
      { field: 'instance', service: 'users', message: 'an instance: an error that cannot be read' },
    ])
  })

  it('uses the first of two instances with the same id', () => {
    const { instances, rejected } = parseAnswer('users', ['a:1', { host: 'b', port: 2, id: 'a:1' }, 'c:3'])
    expect(instances).toMatchObject([{ host: 'a' }, { host: 'c' }])
    expect(rejected).toMatchObject([
      {
        code: 'LB_INVALID_INSTANCE',
        field: 'id',
        service: 'users',
        message: 'id of an instance must be unique within its service, "a:1" occurs twice; the first is used',
      },
    ])
  })

  it('fails when nothing in it is usable, with the first reason', () => {
    const parse = (): unknown => parseAnswer('users', [{ host: 'b', port: 0 }, 'x'])
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'LB_DISCOVERY',
        service: 'users',
        message:
          'users: none of 2 instances is usable. port of an instance must be an integer in [1, 65535], got 0 (number)',
        cause: expect.objectContaining({ code: 'LB_INVALID_INSTANCE', field: 'port' }),
      }),
    )
  })

  it('tells at most ten reasons', () => {
    const answer = ['a:1', ...Array.from({ length: 1_000 }, () => 'x')]
    expect(parseAnswer('users', answer).rejected).toHaveLength(10)
  })

  it('names the service in the errors of left out instances', () => {
    const { rejected } = parseAnswer('users', ['a:1', 'x', 'a:1'])
    expect(rejected.map(({ service }) => service)).toEqual(['users', 'users'])
  })
})
