import { instance, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { MaglevBalancer } from './maglev.ts'
import { RingHashBalancer } from './ring-hash.ts'

const keys = Array.from({ length: 500 }, (_, index) => `user-${index}`)
const random = seededRandom(1)

type Options = { readonly seed?: number; readonly hashKeyOf?: (instance: ServiceInstance) => string }

describe.each([
  ['ring hash', (options: Options) => new RingHashBalancer({ ...options, random })],
  ['Maglev', (options: Options) => new MaglevBalancer({ ...options, random, tableSize: 4_099 })],
] as const)('%s', (_, create) => {
  const pods = (...names: string[]): ServiceInstance[] =>
    names.map((name) => instance(name, { metadata: { ordinal: name.slice(0, 1) } }))
  const ordinal = ({ metadata }: ServiceInstance): string => metadata.ordinal ?? ''
  const filled = (options: Options, list: readonly ServiceInstance[]): (string | undefined)[] => {
    const balancer = create(options)
    balancer.update(list)
    return keys.map((hashKey) => balancer.pick({ hashKey })?.id)
  }

  it('gives a successor the keys of its predecessor, by hashKeyOf', () => {
    const list = pods('0-old', '1-old', '2-old')
    const balancer = create({ hashKeyOf: ordinal })
    const owners = (): (string | undefined)[] => keys.map((hashKey) => balancer.pick({ hashKey })?.id)
    balancer.update(list)
    const before = owners()
    balancer.update(pods('2-old', '0-old', '1-new'))
    expect(owners()).toEqual(before.map((id) => (id === '1-old' ? '1-new' : id)))
    expect(new Set(before).size).toBe(3)
    // As one that has the ordinals as ids.
    expect(
      filled(
        {},
        ['0', '1', '2'].map((id) => instance(id)),
      ),
    ).toEqual(before.map((id) => id?.slice(0, 1)))
  })

  it('keeps instances apart that have the same key, in any order of the list', () => {
    const list = pods('0-a', '0-b', '1-a')
    const owners = filled({ hashKeyOf: ordinal }, list)
    expect(new Set(owners)).toEqual(new Set(['0-a', '0-b', '1-a']))
    expect(filled({ hashKeyOf: ordinal }, list.toReversed())).toEqual(owners)
  })

  it('has other owners with another seed, the same in every process', () => {
    const list = pods('0-a', '1-a', '2-a', '3-a')
    for (const seed of [1, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      const owners = filled({ seed }, list)
      expect(filled({ seed }, list.toReversed())).toEqual(owners)
      const moved = owners.filter((id, index) => id !== filled({}, list)[index]).length / keys.length
      expect(moved).toBeGreaterThan(0.6)
      expect(new Set(owners).size).toBe(4)
    }
    expect(filled({ seed: 0 }, list)).toEqual(filled({}, list))
  })

  it('refuses a seed or a key that is none', () => {
    expect(() => create({ seed: -1 })).toThrow(InvalidOptionError)
    expect(() => create({ seed: 1.5 })).toThrow(InvalidOptionError)
    expect(() => create({ hashKeyOf: 'id' as never })).toThrow(InvalidOptionError)
    const balancer = create({ hashKeyOf: () => undefined as never })
    expect(() => balancer.update(pods('0-a'))).toThrow(/hashKeyOf\(\)/)
  })
})
