import { instance, instances } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fiveDeviations } from '../../test/tolerance.ts'
import { XxHash64 } from '../base/xxhash64.ts'
import type { ServiceInstance } from './instance.ts'
import { rendezvousSubset } from './rendezvous-subset.ts'

const idsOf = (list: readonly ServiceInstance[]): string[] => list.map(({ id }) => id)
const fleet = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,6}$/), { minLength: 1, maxLength: 30 })
const runs = { seed: 20_240_607, numRuns: 1_000 }

function rankOf(id: string, clientId: string): bigint {
  const hash = new XxHash64()
  hash.hash(clientId)
  hash.hash(id, hash.low, hash.high)
  return (BigInt(hash.high) << 32n) | BigInt(hash.low)
}

describe('rendezvousSubset', () => {
  it('takes the instances that rank first with the client, and keeps the order of the list', () => {
    fc.assert(
      fc.property(fleet, fc.integer({ min: 1, max: 30 }), fc.string({ minLength: 1 }), (ids, size, clientId) => {
        const list = ids.map((id) => instance(id))
        const ranked = ids.toSorted((a, b) => (rankOf(a, clientId) < rankOf(b, clientId) ? -1 : 1)).slice(0, size)
        const subset = rendezvousSubset(list, { size, clientId })
        expect(idsOf(subset)).toEqual(ids.filter((id) => ranked.includes(id)))
        for (const member of subset) expect(list).toContain(member)
      }),
      runs,
    )
  })

  it('changes by at most one when one instance comes or goes', () => {
    fc.assert(
      fc.property(
        fleet,
        fc.nat(29),
        fc.integer({ min: 1, max: 10 }),
        fc.string({ minLength: 1 }),
        (ids, at, size, clientId) => {
          const gone = ids[at % ids.length]
          const list = ids.map((id) => instance(id))
          const before = idsOf(rendezvousSubset(list, { size, clientId }))
          const after = idsOf(
            rendezvousSubset(
              list.filter(({ id }) => id !== gone),
              { size, clientId },
            ),
          )
          expect(before.filter((id) => !after.includes(id))).toEqual(before.filter((id) => id === gone))
          expect(after.filter((id) => !before.includes(id)).length).toBeLessThanOrEqual(1)
          if (gone !== undefined && !before.includes(gone)) expect(after).toEqual(before)
        },
      ),
      runs,
    )
  })

  it('does not depend on the order of the list', () => {
    const options = { size: 7, clientId: 'client' }
    const subset = idsOf(rendezvousSubset(instances(50), options))
    expect(idsOf(rendezvousSubset(instances(50).toReversed(), options)).toReversed()).toEqual(subset)
  })

  it('takes every instance for as many of the clients as any other, on average', () => {
    const clients = 5_000
    const counts = new Map<string, number>()
    for (let client = 0; client < clients; client++) {
      for (const id of idsOf(rendezvousSubset(instances(20), { size: 5, clientId: `client-${client}` }))) {
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
    }
    for (const id of idsOf(instances(20))) {
      expect(Math.abs((counts.get(id) ?? 0) - clients / 4)).toBeLessThan(fiveDeviations(clients, 1 / 4))
    }
  })

  it('takes all when there are no more', () => {
    expect(idsOf(rendezvousSubset(instances(3), { size: 3, clientId: 'c' }))).toEqual(['i0', 'i1', 'i2'])
    expect(rendezvousSubset([], { size: 3, clientId: 'c' })).toEqual([])
  })

  it('does not change the list', () => {
    const list = Object.freeze(instances(10))
    expect(rendezvousSubset(list, { size: 2, clientId: 'c' }).length).toBe(2)
  })
})
