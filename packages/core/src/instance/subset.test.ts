import { instances } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { evenSubset } from './even-subset.ts'
import { rendezvousSubset } from './rendezvous-subset.ts'
import { subsetOf, subsetOption } from './subset.ts'

describe('subsetOf', () => {
  it('is even on average where matching all clients would stop the process, and all clients agree on that', () => {
    const list = instances(101)
    const many = { size: 60, index: 7, clients: 100_000 }
    expect(subsetOf(list, many)).toEqual(rendezvousSubset(list, { size: 60, clientId: '7' }))
  })

  it('is even where the index of the client is known, and by rendezvous where only its name is', () => {
    const list = instances(20)
    const even = { size: 3, index: 4, clients: 9 }
    expect(subsetOf(list, even)).toEqual(evenSubset(list, even))
    const named = { size: 3, clientId: 'web-4' }
    expect(subsetOf(list, named)).toEqual(rendezvousSubset(list, named))
    expect(subsetOf(list, even)).not.toEqual(subsetOf(list, named))
  })
})

describe('subsetOption', () => {
  it.each([
    { size: 20, clientId: 'web-1' },
    { size: 20, clientId: 'web-1', index: undefined, clients: undefined },
    { size: 1, index: 0, clients: 1 },
    { size: 1, index: 99_999, clients: 100_000 },
    false,
    undefined,
  ])('accepts %j', (given) => {
    expect(() => subsetOption.check('subset', given)).not.toThrow()
  })

  it.each([
    [{ size: 0, clientId: 'c' }, 'subset.size must be an integer ≥ 1, got 0 (number)'],
    [{ clientId: 'c' }, 'subset.size must be an integer of at least 1, got undefined (undefined)'],
    [
      { size: 2 },
      'subset.clientId must be a string that is not empty, unless index and clients are given, got undefined (undefined)',
    ],
    [{ size: 2, clientId: '' }, 'subset.clientId must be a string that is not empty, got "" (string)'],
    [{ size: 2, clientID: 'c' }, 'subset.clientID is not a known option. Did you mean clientId?'],
    [{ size: 2, index: 1 }, 'subset.clients must be an integer greater than index, beside it, got undefined'],
    [{ size: 2, clients: 1 }, 'subset.index must be an integer of at least 0, beside clients, got undefined'],
    [{ size: 2, index: 3, clients: 3 }, 'subset.index must be less than clients, which is 3, got 3 (number)'],
    [{ size: 2, index: -1, clients: 3 }, 'subset.index must be an integer in [0, 99999], got -1 (number)'],
    [{ size: 2, index: 0.5, clients: 3 }, 'subset.index must be an integer in [0, 99999], got 0.5 (number)'],
    [{ size: 2, index: 0, clients: 100_001 }, 'subset.clients must be an integer in [1, 100000], got 100001 (number)'],
    [
      { size: 2, index: 0, clients: 3, clientId: 'c' },
      'subset.index must be absent beside clientId: one of them identifies a client, got 0 (number)',
    ],
    [
      { size: 2, clients: 3, clientId: 'c' },
      'subset.clients must be absent beside clientId, as it goes with index, got 3 (number)',
    ],
    [null, 'subset must be an object, got null (object)'],
  ])('rejects %o', (given, message) => {
    const check = (): void => subsetOption.check('subset', given)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(message)
  })
})
