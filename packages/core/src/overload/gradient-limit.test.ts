import { FakeClock, seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GradientLimit } from './gradient-limit.ts'

const defaults = { min: 2, max: 1_000, initial: 20 }

/** A limit, and a way to end requests on it, ten milliseconds apart. */
function made(bounds = defaults, random: () => number = () => 0.5) {
  const clock = new FakeClock()
  const limit = new GradientLimit(bounds, clock, random)
  const end = (requests: number, latencyMs: number | 'refused', inFlight = () => limit.limit): void => {
    for (let each = 0; each < requests; each++) {
      clock.advanceSync(10)
      if (latencyMs === 'refused') limit.refused(inFlight())
      else limit.answered(latencyMs, inFlight())
    }
  }
  return { clock, limit, end }
}

describe('GradientLimit', () => {
  it('begins with `initial`, within its bounds', () => {
    expect(made().limit.limit).toBe(20)
    expect(made({ min: 30, max: 40, initial: 20 }).limit.limit).toBe(30)
    expect(made({ min: 1, max: 10, initial: 20 }).limit.limit).toBe(10)
  })

  it('stays as long as it is hardly used: what calls cannot show, it does not guess', () => {
    const { limit, end } = made()
    end(1_000, 20, () => 5)
    expect(limit.limit).toBe(20)
    expect(limit.baselineMs).toBeCloseTo(20)
  })

  it('grows while it is used and answers come as fast as without load, up to `max`', () => {
    const { limit, end } = made({ ...defaults, max: 60 })
    end(20, 20, () => 5)
    end(60, 20)
    expect(limit.limit).toBeGreaterThan(24)
    end(2_000, 20)
    expect(limit.limit).toBe(60)
  })

  it('shrinks when answers take longer than without load', () => {
    const { limit, end } = made({ ...defaults, initial: 100 })
    end(20, 20, () => 5)
    end(100, 60)
    expect(limit.limit).toBeLessThan(50)
  })

  it('shrinks when requests are refused, to `min` if all are', () => {
    const { limit, end } = made()
    end(20, 20, () => 5)
    end(400, 'refused')
    expect(limit.limit).toBe(2)
  })

  it('of sheddable calls begins at 1, grows while it is used, and stays within the limit', () => {
    const { limit, end } = made({ ...defaults, max: 60 })
    const shed = (requests: number): void => {
      for (let each = 0; each < requests; each++) {
        limit.sheddableAsked()
        end(1, 20, () => limit.limitOfSheddable)
      }
    }
    expect(limit.limitOfSheddable).toBe(1)
    shed(60)
    expect(limit.limitOfSheddable).toBeGreaterThan(1)
    expect(limit.limitOfSheddable).toBeLessThan(limit.limit)
    shed(3_000)
    expect(limit.limitOfSheddable).toBe(limit.limit)
  })

  it('of sheddable calls is down to 1 soon after anything was refused, and their latency does not raise the baseline', () => {
    const { limit, end } = made()
    const shed = (requests: number, latencyMs: number | 'refused'): void => {
      for (let each = 0; each < requests; each++) {
        limit.sheddableAsked()
        end(1, latencyMs, () => limit.limitOfSheddable)
      }
    }
    shed(400, 20)
    const before = limit.limitOfSheddable
    expect(before).toBeGreaterThan(5)
    for (let window = 0; window < 8; window++) {
      shed(1, 'refused')
      shed(19, 20)
    }
    expect(limit.limitOfSheddable).toBeLessThanOrEqual(2)
    shed(400, 20)
    // Until the limit of sheddable calls is at its floor, a minute of windows that measure included.
    for (let each = 0; each < 6_000 && limit.limitOfSheddable > 1; each++) shed(1, 40 + 4 * limit.limitOfSheddable)
    expect(limit.baselineMs).toBeLessThan(21)
  })

  it('recovers from everything being refused', () => {
    const { limit, end } = made()
    end(20, 20, () => 5)
    end(400, 'refused')
    end(600, 20)
    expect(limit.limit).toBeGreaterThanOrEqual(20)
  })

  it('accepts that a service has become slower for good', () => {
    const { limit, end } = made()
    end(20, 20, () => 5)
    end(4_000, 200)
    expect(limit.baselineMs).toBeGreaterThan(60)
    expect(limit.limit).toBeGreaterThan(5)
  })

  it('measures the latency without load at random times, at its square root', () => {
    const { clock, limit, end } = made({ ...defaults, initial: 100, max: 100 })
    end(20, 20, () => 5)
    let lowest = limit.limit
    const startMs = clock.now()
    while (clock.now() < startMs + 60_000) {
      end(1, 20)
      lowest = Math.min(lowest, limit.limit)
    }
    expect(lowest).toBe(10)
    expect(limit.limit).toBe(100)
  })

  it.each([0, 0.25, 0.999])('draws the time between two measurements: %d', (drawn) => {
    const { clock, limit, end } = made({ ...defaults, initial: 100, max: 100 }, () => drawn)
    const startMs = clock.now()
    end(20, 20, () => 5)
    while (limit.limit === 100) end(1, 20)
    const atMs = 30_000 * (0.5 + drawn)
    expect(clock.now() - startMs).toBeGreaterThanOrEqual(atMs)
    expect(clock.now() - startMs).toBeLessThan(atMs + 300)
  })

  it('knows what nearly all answers take', () => {
    const { limit, end } = made()
    expect(limit.usualMs).toBe(0)
    for (let each = 1; each <= 20; each++) end(1, each)
    expect(limit.usualMs).toBe(20)
  })

  it('never leaves its bounds, and is an integer, whatever happens; and recovers from it', () => {
    const step = fc.record({
      latencyMs: fc.oneof(
        fc.double({ min: 0, max: 3_600_000, noNaN: true }),
        fc.constantFrom(0, 1, 20),
        fc.constant('refused' as const),
      ),
      requests: fc.integer({ min: 1, max: 60 }),
      used: fc.double({ min: 0, max: 2, noNaN: true }),
      pauseMs: fc.nat(100_000),
    })
    const bounds = fc.record({
      min: fc.integer({ min: 1, max: 50 }),
      more: fc.nat(500),
      initial: fc.integer({ min: 1, max: 1_000 }),
    })
    fc.assert(
      fc.property(bounds, fc.array(step, { maxLength: 40 }), fc.integer(), ({ min, more, initial }, steps, seed) => {
        const max = min + more
        const { clock, limit, end } = made({ min, max, initial }, seededRandom(seed))
        const check = (): void => {
          expect(Number.isInteger(limit.limit)).toBe(true)
          expect(limit.limit).toBeGreaterThanOrEqual(min)
          expect(limit.limit).toBeLessThanOrEqual(max)
          expect(Number.isFinite(limit.baselineMs) && limit.baselineMs >= 0).toBe(true)
        }
        for (const { latencyMs, requests, used, pauseMs } of steps) {
          clock.advanceSync(pauseMs)
          for (let each = 0; each < requests; each++) {
            end(1, latencyMs, () => Math.ceil(used * limit.limit))
            check()
          }
        }
        // Answers of one latency from now on: however wrong the baseline is, it comes to itself. Not while it measures.
        let highest = 0
        for (let each = 0; each < 8_000; each++) {
          end(1, 20)
          highest = Math.max(highest, limit.limit)
        }
        expect(highest).toBeGreaterThanOrEqual(Math.min(max, 5))
      }),
      { seed: 20_261_203, numRuns: 100 },
    )
  })
})
