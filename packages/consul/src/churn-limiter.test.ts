import { FakeClock } from '@lb/testing'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { ChurnLimiter } from './churn-limiter.ts'

describe('the limiter of a loop', () => {
  let clock: FakeClock
  let limiter: ChurnLimiter
  beforeEach(() => {
    clock = new FakeClock()
    limiter = new ChurnLimiter(clock, 15_000)
  })

  /** The waits of turns that each find a change after `changeAfterMs`. */
  const waits = (count: number, changeAfterMs: number): number[] =>
    Array.from({ length: count }, () => {
      clock.advanceSync(changeAfterMs)
      const waitMs = limiter.take()
      clock.advanceSync(waitMs)
      return Math.round(waitMs)
    })

  it('lets two turns go at once, then one in a fifteenth of the time for which changes have come, from 1 s to 15 s', () => {
    expect(waits(10, 0)).toEqual([0, 0, ...Array.from({ length: 8 }, () => 1_000)])
    const later = waits(100, 0)
    expect(later.at(-1)).toBe(15_000)
    expect(later).toEqual(later.toSorted((a, b) => a - b))
  })

  it.each([3_000, 10_000, 30_000])('lets the end of a burst of %i ms be known within 2 s', (burstMs) => {
    const startMs = clock.now()
    let askedAtMs = startMs
    while (askedAtMs < startMs + burstMs) {
      clock.advanceSync(50)
      clock.advanceSync(limiter.take())
      askedAtMs = clock.now()
    }
    expect(askedAtMs - startMs - burstMs).toBeLessThanOrEqual(2_000)
  })

  it('counts the time that a turn takes by itself', () => {
    // After 10 ms a hundredth of a token is back.
    expect(waits(4, 10)).toEqual([0, 0, 980, 990])
  })

  it('never holds up what changes less often than once a second', () => {
    expect(waits(100, 1_000)).toEqual(Array.from({ length: 100 }, () => 0))
  })

  it('starts anew after it was left alone for long enough to be full again', () => {
    waits(100, 0)
    clock.advanceSync(30_000)
    expect(waits(4, 0)).toEqual([0, 0, 1_000, 1_000])
  })

  it('stays slow after a pause that gives back one token only', () => {
    waits(100, 0)
    clock.advanceSync(15_000)
    expect(waits(2, 0)).toEqual([0, 15_000])
  })

  it('is never slower than the limit, also one below a second', () => {
    limiter = new ChurnLimiter(clock, 200)
    expect(waits(6, 0)).toEqual([0, 0, 200, 200, 200, 200])
  })

  it('lets no more than two and one for each interval pass, whatever the rhythm', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 60 }), (rhythm) => {
        const own = new FakeClock()
        const bucket = new ChurnLimiter(own, 15_000)
        const startMs = own.now()
        for (const [index, changeAfterMs] of rhythm.entries()) {
          own.advanceSync(changeAfterMs)
          const waitMs = bucket.take()
          expect(waitMs).toBeGreaterThanOrEqual(0)
          expect(waitMs).toBeLessThanOrEqual(15_000)
          own.advanceSync(waitMs)
          // A token comes back in a second at the fastest.
          expect(index + 1).toBeLessThanOrEqual(2 + (own.now() - startMs) / 1_000 + 1e-6)
        }
      }),
      { seed: 20_240_607 },
    )
  })
})
