import { FakeClock, instance, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { fiveDeviations } from '../test/tolerance.ts'
import { RoundRobinBalancer } from './balancer/round-robin.ts'
import { slowStartPolicy } from './health/slow-start.ts'
import { InstanceRecord } from './instance-record.ts'
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
  const warm = new Set<InstanceRecord>()
  for (const [id, elapsedMs] of Object.entries(sinceMs)) {
    const record = new InstanceRecord(instance(id), clock.now())
    record.isCandidate = true
    records.set(id, record)
    if (Number.isNaN(elapsedMs)) continue
    record.warmingSinceMs = clock.now() - elapsedMs
    warm.add(record)
  }
  const options: SlowStartPickOptions = {
    clock,
    random,
    settings: { slowStart },
    roster: {
      records,
      warming: warm,
      warmed: (record) => {
        record.warmingSinceMs = Number.NaN
        warm.delete(record)
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
    records.get(id ?? '')?.began(false)
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
    expect(records.get('new')?.warmingSinceMs).toBeNaN()
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

describe('warmth', () => {
  it('is 1 for an instance that is warm, and without slow start', () => {
    const record = new InstanceRecord(instance('a'), 0)
    expect(warmth(record, slowStart, 5_000)).toBe(1)
    record.warmingSinceMs = 0
    expect(warmth(record, slowStart, 5_000)).toBe(0.5)
    expect(warmth(record, undefined, 5_000)).toBe(1)
  })
})
