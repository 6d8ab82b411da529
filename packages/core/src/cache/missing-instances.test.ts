import { FakeClock, seededRandom } from '@lb/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ListSample } from '../discovery/discovery.ts'
import { parseInstance, type ServiceInstance } from '../instance/instance.ts'
import { MissingInstances } from './missing-instances.ts'

const second: ListSample = { ttlMs: 1_000 }
let clock: FakeClock
let out: Set<string>
let known: readonly ServiceInstance[]
let missing: MissingInstances

beforeEach(() => {
  clock = new FakeClock(0)
  out = new Set()
  known = []
  missing = new MissingInstances({ clock, isOut: ({ id }) => out.has(id) })
})

/** A list a second after the last one; gives the ids of the known instances then. */
async function list(names: Iterable<string>, sample: ListSample | 'whole' = second): Promise<string> {
  const instances = Array.from(names, (name) => parseInstance(`${name}:80`))
  known = missing.complete(known, instances, sample === 'whole' ? undefined : sample)
  await clock.advance(1_000)
  return known
    .map(({ host }) => host)
    .sort()
    .join('')
}

describe('an instance that is missing from a list', () => {
  it('is removed at once when the list is no sample, or the grace is 0', async () => {
    await list('abc', 'whole')
    expect(await list('abd', 'whole')).toBe('abd')
    expect(await list('abe', { ttlMs: 1_000, graceMs: 0 })).toBe('abe')
  })

  it('stays for three times to live', async () => {
    await list('abc')
    expect([await list('abd'), await list('abd'), await list('abd')]).toEqual(['abcd', 'abcd', 'abcd'])
    expect(missing.stateOf('c:80')).toEqual({ forMs: 3_000, staysMs: 0 })
    expect([await list('abd'), missing.stateOf('c:80')]).toEqual(['abd', undefined])
  })

  it('stays for the grace that is given, and no longer however small the samples are', async () => {
    const given: ListSample = { ttlMs: 1_000, graceMs: 1_500 }
    await list('abc', given)
    await list('abd', given)
    expect(missing.stateOf('c:80')).toEqual({ forMs: 1_000, staysMs: 500 })
    for (const names of ['abc', 'abd', 'abd']) expect(await list(names, given)).toBe('abcd')
    expect(await list('abd', given)).toBe('abd')
  })

  it('goes at once when it is known not to work, before or meanwhile', async () => {
    await list('abc')
    out.add('c:80')
    expect(await list('abd')).toBe('abd')
    expect(await list('abe')).toBe('abde')
    out.add('d:80')
    expect(await list('abe')).toBe('abe')
  })

  it('is no longer missing when it is back', async () => {
    await list('abc')
    await list('abd')
    expect([await list('abc'), missing.stateOf('c:80')]).toEqual(['abcd', undefined])
    expect(missing.delete('c:80')).toBe(false)
    expect([missing.delete('d:80'), missing.stateOf('d:80')]).toEqual([true, undefined])
  })
})

describe('a list that is shorter than an earlier one', () => {
  it('is whole: the registry has no more', async () => {
    await list('abcd')
    expect(await list('abc')).toBe('abc')
    expect(await list('xyz')).toBe('xyz')
    expect(await list('')).toBe('')
  })

  it('is none once lists are known to be samples: one had an instance that was missing, and lacked another', async () => {
    await list('abc')
    await list('abd')
    expect(await list('abc')).toBe('abcd')
    expect(await list('ab')).toBe('abcd')
  })

  it('is none either when one that was removed is back, and another is missing', async () => {
    await list('abcd')
    expect(await list('abc')).toBe('abc')
    expect(await list('abd')).toBe('abcd')
  })

  it('removes at once also when an instance was late, or was restarted: nothing was missing when it came back', async () => {
    await list('abc')
    for (const names of ['ab', 'abc', 'ac', 'abc']) expect(await list(names)).toBe(names)
    await list('abd')
    await list('abcd')
    expect(await list('bcd')).toBe('bcd')
  })

  it('is whole when it is empty, whatever was before', async () => {
    await list('ab')
    await list('ac')
    await list('ab')
    expect(await list('')).toBe('')
  })
})

describe('samples', () => {
  it.each([
    [20, 8],
    [50, 8],
    [8, 1],
  ])('of %s unchanged instances remove next to none of them, when each has %s', async (count, size) => {
    const random = seededRandom(7)
    const names = Array.from({ length: count }, (_, index) => `h${index}`)
    let removed = 0
    for (let round = 0; round < 300; round++) {
      const before = known.length
      const sample = [...names].sort(() => random() - 0.5).slice(0, size)
      await list(sample)
      const added = known.length - before
      if (added < 0) removed -= added
    }
    // Without a grace it is about half of each sample.
    expect(removed).toBeLessThan(5)
    expect(known.length).toBeGreaterThan(count - 5)
  })

  it('of different sizes remove few of them, before they are known to be samples', async () => {
    const random = seededRandom(7)
    let removed = 0
    for (let round = 0; round < 300; round++) {
      const names = Array.from({ length: 20 }, (_, index) => `h${index}`).sort(() => random() - 0.5)
      const before = known.length
      await list(names.slice(0, 5 + Math.floor(random() * 4)))
      removed += Math.max(0, before - known.length)
    }
    expect(removed).toBeLessThan(20)
    expect(known.length).toBeGreaterThan(17)
  })

  it('that name new instances for ever keep a bounded number', () => {
    for (let round = 0; round < 20; round++) {
      const instances = Array.from({ length: 1_000 }, (_, index) => parseInstance(`h${round}-${index}:80`))
      known = missing.complete(known, instances, { ttlMs: 1_000, graceMs: 60_000 })
    }
    expect(known.length).toBeLessThanOrEqual(1_000 + 1_024)
  })
})
