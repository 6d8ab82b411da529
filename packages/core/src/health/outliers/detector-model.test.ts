import { FakeClock, seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { outlierDetector, type TestedDetectorOptions } from '../../../test/observed-outlier-detector.ts'
import type { OutlierDetector } from './detector.ts'
import type { OutlierTracker } from './tracker.ts'

const ids = Array.from({ length: 12 }, (_, index) => `i${index}`)
const anyId = fc.constantFrom(...ids)

const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('track' as const), id: anyId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('untrack' as const), id: anyId }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('success' as const, 'connect' as const, 'server' as const),
      id: anyId,
      count: fc.constantFrom(1, 4, 5, 6, 60, 120),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('suspect' as const), id: anyId }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('uneject' as const), id: anyId }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('probe' as const),
      result: fc.constantFrom('succeeded' as const, 'failed' as const, 'unknown' as const, 'never' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 5_000, 10_000, 30_000, 300_000),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

const anyOptions: fc.Arbitrary<TestedDetectorOptions> = fc.record({
  maxEjectionPercent: fc.constantFrom(0, 10, 33, 50, 100),
  jitter: fc.constantFrom(0, 0.1, 1),
  maxEjectionMs: fc.constantFrom(10_000, 90_000, 300_000),
  enforce: fc.constantFrom(true, true, true, false),
})

/** A detector, what is known to be tracked, and what the listener believes. */
class Subject {
  readonly clock = new FakeClock()
  readonly trackers = new Map<string, OutlierTracker>()
  readonly believed = new Map<string, string>()
  readonly #unenforcedMs = new Map<string, number>()
  readonly detector: OutlierDetector

  constructor(options: TestedDetectorOptions, seed: number) {
    const move = (id: string, from: readonly string[], to: string): void => {
      expect(from).toContain(this.believed.get(id))
      this.believed.set(id, to)
    }
    this.detector = outlierDetector({
      ...options,
      clock: this.clock,
      random: seededRandom(seed),
      listener: {
        ejected: ({ id, enforced, forMs, reason }) => {
          if (enforced) move(id, reason === 'failed-probe' ? ['half-open'] : ['in'], 'ejected')
          else {
            expect(forMs).toBe(0)
            const last = this.#unenforcedMs.get(id) ?? Number.NEGATIVE_INFINITY
            expect(this.clock.now() - last).toBeGreaterThanOrEqual(10_000)
            this.#unenforcedMs.set(id, this.clock.now())
          }
        },
        halfOpen: (id) => move(id, ['ejected'], 'half-open'),
        returned: (id, by) => move(id, by === 'probe' ? ['half-open'] : ['ejected', 'half-open'], 'in'),
      },
    })
  }

  take(next: Step): void {
    if (next.kind === 'wait') {
      this.clock.advanceSync(next.ms)
      return
    }
    if (next.kind === 'probe') {
      // Few are half-open at a time: whoever is.
      for (const tracker of this.trackers.values()) this.#probe(tracker, next.result)
      return
    }
    const { id } = next
    const tracker = this.trackers.get(id)
    if (next.kind === 'track') {
      this.trackers.set(id, this.detector.track(id))
      if (tracker === undefined) this.believed.set(id, 'in')
    } else if (next.kind === 'untrack') {
      this.trackers.delete(id)
      this.believed.delete(id)
      this.#unenforcedMs.delete(id)
      this.detector.untrack(id)
    } else if (tracker !== undefined) this.#act(tracker, next)
  }

  #act(tracker: OutlierTracker, next: Exclude<Step, { kind: 'wait' | 'probe' | 'track' | 'untrack' }>): void {
    if (next.kind === 'suspect') {
      const before = tracker.state
      const enforced = tracker.suspect('no-answer', 'it hangs')
      expect(enforced).toBe(before === 'in' && tracker.state === 'ejected')
    } else if (next.kind === 'uneject') {
      tracker.uneject()
      expect(tracker.state).toBe('in')
    } else {
      for (let request = 0; request < next.count; request++) {
        if (next.kind === 'success') tracker.succeeded()
        else tracker.failed(next.kind)
      }
    }
  }

  #probe(tracker: OutlierTracker, result: 'succeeded' | 'failed' | 'unknown' | 'never'): void {
    const taken = tracker.tryProbe()
    if (taken) expect([tracker.state, tracker.tryProbe()]).toEqual(['half-open', false])
    if (taken && result !== 'never') tracker.endProbe(result, tracker.ejection)
  }

  check({ maxEjectionPercent = 10, maxEjectionMs = 300_000, enforce }: TestedDetectorOptions): void {
    const all = [...this.trackers.values()]
    const out = all.filter(({ state }) => state !== 'in')
    const cap = maxEjectionPercent === 0 ? 0 : Math.max(1, Math.floor((maxEjectionPercent * all.length) / 100))
    expect(out.length).toBeLessThanOrEqual(enforce === false ? 0 : cap)
    if (all.length > 0) expect(out.length).toBeLessThan(all.length)
    const longest = Math.max(30_000, maxEjectionMs)
    const wrong = all.filter((tracker) => {
      const { id, state, ejection, timesEjected, requests, failures, sinceMs } = tracker
      const right =
        state === this.believed.get(id) &&
        (ejection === undefined) === (state === 'in') &&
        timesEjected >= (state === 'in' ? 0 : 1) &&
        timesEjected <= Math.ceil(longest / 30_000) &&
        (ejection?.forMs ?? 0) <= longest &&
        failures <= requests &&
        sinceMs <= this.clock.now()
      return !right
    })
    expect(wrong).toEqual([])
    // One for each that is ejected or probed, and one for the window.
    expect(this.clock.pendingTimers).toBeLessThanOrEqual(out.length + 1)
    expect(this.clock.pendingForegroundTimers).toBe(0)
  }
}

describe('the detector', () => {
  it('keeps the cap, the last instance, its listener and its timers right through anything that happens', () => {
    const seen = { ejected: 0, halfOpen: 0 }
    fc.assert(
      fc.property(
        anyOptions,
        fc.integer(),
        fc.nat(12),
        fc.array(step, { maxLength: 80, size: 'max' }),
        (options, seed, size, steps) => {
          const subject = new Subject(options, seed)
          for (const id of ids.slice(0, size)) subject.take({ kind: 'track', id })
          for (const next of steps) {
            subject.take(next)
            subject.check(options)
            for (const state of subject.believed.values()) {
              if (state === 'ejected') seen.ejected++
              if (state === 'half-open') seen.halfOpen++
            }
          }
          subject.detector.close()
          expect(subject.clock.pendingTimers).toBe(0)
          // Late reports change nothing and start nothing.
          for (const next of steps) subject.take(next)
          expect(subject.clock.pendingTimers).toBe(0)
        },
      ),
      { seed: 20_240_607, numRuns: 300 },
    )
    // Otherwise nothing was tested.
    expect(Math.min(seen.ejected, seen.halfOpen)).toBeGreaterThan(1_000)
  })
})
