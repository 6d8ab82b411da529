import { describe, expect, it } from 'vitest'
import { InvalidInstanceError } from '../base/errors.ts'
import { readInstances } from './instance-list.ts'

const read = (record: unknown): unknown => {
  if (record === 'broken') throw new SyntaxError('unexpected\nend')
  return record
}

describe('readInstances', () => {
  it('gives parsed instances, and leaves out records that describe none', () => {
    const { instances, rejected } = readInstances(['a:1', undefined, { host: 'b', port: 2 }], read, String)
    expect(instances).toMatchObject([{ id: 'a:1', weight: 1 }, { id: 'b:2' }])
    expect(rejected).toEqual([])
  })

  it('rejects what cannot be read or used, by the name of its record, in one line', () => {
    const { instances, rejected } = readInstances(
      ['broken', { host: 'b', port: 0 }, 'a:1', null],
      read,
      (record) => `key ${record === null ? 'of\u2028null' : 'x'}`,
    )
    expect(instances.map(({ id }) => id)).toEqual(['a:1'])
    for (const error of rejected) expect(error).toBeInstanceOf(InvalidInstanceError)
    expect(rejected).toMatchObject([
      { field: 'instance', message: 'key x: unexpected end' },
      { field: 'port', message: 'key x: port of an instance must be an integer in [1, 65535], got 0 (number)' },
      { field: 'instance', message: expect.stringMatching(/^key of null: an instance must be /) },
    ])
  })

  it('keeps ten errors, and asks for no more names', () => {
    let named = 0
    const { rejected } = readInstances(
      Array.from({ length: 1_000 }, () => 'broken'),
      read,
      () => `key ${++named}`.padEnd(10_000, 'x'),
    )
    expect([rejected.length, named]).toEqual([10, 10])
    for (const { message } of rejected) expect(message.length).toBeLessThan(300)
  })
})
