import { FakeClock, instance, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { fiveDeviations } from '../../test/tolerance.ts'
import type { Balancer } from '../balancer/balancer.ts'
import { MaglevBalancer } from '../balancer/hashing/maglev.ts'
import { RingHashBalancer } from '../balancer/hashing/ring-hash.ts'
import { RandomBalancer } from '../balancer/random.ts'
import { RoundRobinBalancer } from '../balancer/round-robin.ts'
import { SmoothWeightedRoundRobinBalancer } from '../balancer/smooth-weighted/smooth-weighted-round-robin.ts'
import { slowStartPolicy } from '../health/eligibility/slow-start.ts'
import { InstanceRecord } from './record.ts'
import { SlowStartPicker, type SlowStartPickOptions, warmth } from './slow-start-pick.ts'
import { TrafficRoute } from './traffic-split.ts'

const windowMs = 10_000
const slowStart = slowStartPolicy({ windowMs })

/** Instances with the time, in milliseconds, since their slow start began; NaN: they are warm. */
function warming(
  sinceMs: Readonly<Record<string, number>>,
  random: () => number = seededRandom(7),
): {
  clock: FakeClock
  records: Map<string, InstanceRecord>
  count: (picks: number) => Record<string, number>
  pick: (avoid?: ReadonlySet<string>) => string | undefined
} {
  const clock = new FakeClock()
  const records = new Map<string, InstanceRecord>()
  for (const [id, elapsedMs] of Object.entries(sinceMs)) {
    const record = new InstanceRecord(instance(id), clock.now())
    record.isCandidate = true
    records.set(id, record)
    if (Number.isNaN(elapsedMs)) continue
    record.warming = { sinceMs: clock.now() - elapsedMs, picked: false }
  }
  const options: SlowStartPickOptions = {
    clock,
    random,
    settings: { slowStart },
    roster: {
      records,
      warmed: (record) => {
        record.warming = undefined
      },
    },
  }
  const route = new TrafficRoute('0', new RoundRobinBalancer({ start: 0 }), () => {})
  route.update(
    Array.from(records.values(), ({ instance: each }) => each),
    random,
  )
  const picker = new SlowStartPicker(options)
  const pick = (avoid?: ReadonlySet<string>): string | undefined => {
    const id = picker.pick(route, avoid === undefined ? undefined : { avoid })?.id
    const record = records.get(id ?? '')
    if (record !== undefined) record.inFlight++
    return id
  }
  const count = (picks: number): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (let each = 0; each < picks; each++) {
      const id = pick() ?? 'nobody'
      counts[id] = (counts[id] ?? 0) + 1
    }
    return counts
  }
  return { clock, records, count, pick }
}

describe('SlowStartPicker', () => {
  it.each([
    [0, 0.1],
    [1_000, 0.1],
    [5_000, 0.5],
    [9_000, 0.9],
  ])(
    'gives an instance %d ms into its window of 10 s what a weight of %d gets beside three of 1',
    (elapsedMs, factor) => {
      const picks = 10_000
      const { new: taken = 0 } = warming({ a: Number.NaN, new: elapsedMs, b: Number.NaN, c: Number.NaN }).count(picks)
      const share = factor / (3 + factor)
      expect(Math.abs(taken - picks * share)).toBeLessThanOrEqual(fiveDeviations(picks, share) + 1)
    },
  )

  it('always takes the first request, so that nobody waits out the window in vain', () => {
    const { pick } = warming({ a: Number.NaN, new: 0 }, () => 0.99)
    expect([pick(), pick(), pick(), pick()]).toEqual(['a', 'new', 'a', 'a'])
  })

  it('ends the slow start with the first pick after the window', () => {
    const { records, count, clock } = warming({ a: Number.NaN, new: 0 })
    count(100)
    clock.advanceSync(windowMs)
    expect(count(100)).toEqual({ a: 50, new: 50 })
    expect(records.get('new')).toMatchObject({ warming: undefined })
  })

  it('does nothing while all are in it since the same time', () => {
    expect(warming({ a: 0, b: 0, c: 0 }).count(300)).toEqual({ a: 100, b: 100, c: 100 })
  })

  it('measures each against the mean while all are in it', () => {
    const picks = 10_000
    const { b = 0 } = warming({ a: 4_000, b: 2_000 }).count(picks)
    // Half as warm: half as many.
    expect(Math.abs(b - picks / 3)).toBeLessThanOrEqual(fiveDeviations(picks, 1 / 3) + 1)
  })

  it('leaves none of many newcomers without requests', () => {
    const newcomers = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`new${index}`, 0]))
    const counts = warming({ a: Number.NaN, ...newcomers }).count(1_000)
    for (const id of Object.keys(newcomers)) expect(counts[id]).toBeGreaterThan(10)
  })

  it('keeps to what the caller avoids, unless nobody else is left', () => {
    const { pick, count } = warming({ a: Number.NaN, new: 0, b: Number.NaN })
    count(30)
    for (let each = 0; each < 300; each++) expect(pick(new Set(['a']))).not.toBe('a')
    for (let each = 0; each < 300; each++) expect(pick(new Set(['a', 'b']))).toBe('new')
  })

  it('gives nothing when there is no candidate', () => {
    expect(warming({}).pick()).toBeUndefined()
  })
})

describe('shares while instances warm', () => {
  const candidates = Array.from({ length: 12 }, (_, index) => `i${index}`)
  const balancers: Readonly<Record<string, (random: () => number) => Balancer>> = {
    'smooth weighted round robin': (random) => new SmoothWeightedRoundRobinBalancer({ random }),
    random: (random) => new RandomBalancer({ random }),
    maglev: () => new MaglevBalancer(),
    'ring hash': () => new RingHashBalancer({ minRingSize: 65_536 }),
  }
  const hashes = (name: string): boolean => name === 'maglev' || name === 'ring hash'
  const mixes: [string, number, number, number, number][] = [
    ['6 warm, 6 new', 6, 0, 12, 1],
    ['2 warm, 10 new', 2, 0, 12, 1],
    ['all at different times', 0, 700, 12, 1],
    ['1 warm, 3 at different times', 1, 2_000, 4, 1],
    ['half warm, with weights', 6, 300, 12, 3],
    ['1 warm, 11 new, with weights', 1, 0, 12, 5],
  ]

  it.each(Object.keys(balancers).flatMap((name) => mixes.map((mix) => [name, ...mix] as const)))(
    'are those of weight × warmth: %s, %s',
    (name, _mix, warm, stepMs, count, weights) => {
      const clock = new FakeClock(100_000)
      const random = seededRandom(3)
      const records = new Map<string, InstanceRecord>()
      for (const [index, id] of candidates.slice(0, count).entries()) {
        const record = new InstanceRecord(instance(id, { weight: 1 + (index % weights) }), clock.now())
        records.set(id, record)
        if (index < warm) continue
        record.warming = { sinceMs: clock.now() - index * stepMs, picked: true }
      }
      // One of another route warms too: it has no say.
      const elsewhere = new InstanceRecord(instance('elsewhere'), clock.now())
      elsewhere.warming = { sinceMs: clock.now(), picked: false }
      records.set('elsewhere', elsewhere)
      const roster = { records, warmed: () => {} }
      const picker = new SlowStartPicker({ clock, random, settings: { slowStart }, roster })
      const members = Array.from(records.values()).filter((record) => record !== elsewhere)
      const route = new TrafficRoute('0', (balancers[name] as (random: () => number) => Balancer)(random), () => {})
      route.update(
        members.map(({ candidate }) => candidate),
        random,
      )
      const picks = 20_000
      const counts = new Map<string, number>()
      for (let pick = 0; pick < picks; pick++) {
        const id = picker.pick(route, hashes(name) ? { hashKey: `key ${pick}` } : undefined)?.id ?? 'none'
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      const share = (record: InstanceRecord): number => record.candidate.weight * warmth(record, slowStart, clock.now())
      const total = members.reduce((sum, record) => sum + share(record), 0)
      for (const record of members) {
        const expected = share(record) / total
        // A table holds the shares within 1 %, a ring of so many points within 5 %.
        const tolerance = fiveDeviations(picks, expected) + 1 + (hashes(name) ? 0.05 * expected * picks : 0)
        const { id } = record.instance
        expect(Math.abs((counts.get(id) ?? 0) - picks * expected), id).toBeLessThan(tolerance)
      }
    },
  )
})

describe('warmth', () => {
  it('is 1 for an instance that is warm, and without slow start', () => {
    const record = new InstanceRecord(instance('a'), 0)
    expect(warmth(record, slowStart, 5_000)).toBe(1)
    record.warming = { sinceMs: 0, picked: false }
    expect(warmth(record, slowStart, 5_000)).toBe(0.5)
    expect(warmth(record, undefined, 5_000)).toBe(1)
  })
})
