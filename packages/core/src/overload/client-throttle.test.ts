import { FakeClock, seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { ClientThrottle, type ThrottleOptions } from './client-throttle.ts'

function repeat(count: number, action: () => void): void {
  for (let time = 0; time < count; time++) action()
}

/** Sends `perSecond` requests for so long to a service that accepts the first `capacity` of each second. */
function run(
  throttle: ClientThrottle,
  clock: FakeClock,
  { perSecond, capacity, seconds }: { perSecond: number; capacity: number; seconds: number },
): { sent: number; accepted: number } {
  let sent = 0
  let accepted = 0
  for (let second = 0; second < seconds; second++) {
    let left = capacity
    for (let request = 0; request < perSecond; request++) {
      clock.advanceSync(1_000 / perSecond)
      if (throttle.shouldReject()) continue
      sent++
      if (left-- > 0) {
        accepted++
        throttle.accepted()
      } else throttle.refused()
    }
  }
  return { sent, accepted }
}

describe('ClientThrottle', () => {
  it.each([
    // (requests − ratio × accepts) / (requests + 1)
    [{}, 0, 0, 0],
    [{}, 0, 1, 1 / 2],
    [{}, 0, 4, 4 / 5],
    // More than 0.8 is cut off.
    [{}, 0, 99, 0.8],
    [{}, 50, 50, 0],
    [{}, 49, 51, 2 / 101],
    [{}, 10, 90, 80 / 101],
    [{ ratio: 1 }, 99, 1, 1 / 101],
    [{ ratio: 1.5 }, 20, 80, 70 / 101],
    [{ ratio: 10 }, 10, 90, 0],
    [{ ratio: 10 }, 9, 91, 10 / 101],
  ])(
    'rejects with the published probability while the clock stands still: %j, %i accepted, %i refused',
    (options, accepts, refusals, expected) => {
      const throttle = new ClientThrottle({ ...options, clock: new FakeClock(), random: () => 0.999_999 })
      repeat(accepts, () => throttle.accepted())
      repeat(refusals, () => throttle.refused())
      expect(throttle.rejectProbability).toBeCloseTo(expected, 12)
    },
  )

  it('rejects exactly when the draw is below the probability', () => {
    let draw = 0
    const throttle = new ClientThrottle({ clock: new FakeClock(), random: () => draw })
    throttle.refused()
    draw = 0.5
    expect(throttle.shouldReject()).toBe(false)
    draw = 0.499
    expect(throttle.shouldReject()).toBe(true)
  })

  it('counts what it rejects as a request', () => {
    const throttle = new ClientThrottle({ clock: new FakeClock(), random: () => 0 })
    throttle.refused()
    repeat(2, () => expect(throttle.shouldReject()).toBe(true))
    expect(throttle.rejectProbability).toBeCloseTo(3 / 4, 12)
  })

  it('never rejects, nor even draws, while the service is healthy', () => {
    const clock = new FakeClock()
    const random = (): number => {
      throw new Error('drawn')
    }
    const throttle = new ClientThrottle({ clock, random })
    expect(run(throttle, clock, { perSecond: 50, capacity: 50, seconds: 300 }).sent).toBe(15_000)
  })

  it('never rejects while half of the requests are accepted', () => {
    const clock = new FakeClock()
    const throttle = new ClientThrottle({ clock, random: () => 0 })
    repeat(1_000, () => {
      expect(throttle.shouldReject()).toBe(false)
      throttle.accepted()
      expect(throttle.shouldReject()).toBe(false)
      throttle.refused()
    })
  })

  it('lets a burst through that a healthy service did not answer yet', () => {
    const throttle = new ClientThrottle({ clock: new FakeClock(), random: () => 0 })
    repeat(1_000, () => expect(throttle.shouldReject()).toBe(false))
  })

  it('sends one in five requests to a dead service', () => {
    const clock = new FakeClock()
    const throttle = new ClientThrottle({ clock, random: seededRandom(3) })
    const { sent } = run(throttle, clock, { perSecond: 10, capacity: 0, seconds: 1_200 })
    // 2 400 of 12 000, σ = √(12 000 × 0.2 × 0.8) = 44, 5 σ = 220. Of the first four request n is sent with 1/n: 1.3 more.
    expect(Math.abs(sent - 2_401)).toBeLessThan(221)
  })

  it('sends an overloaded service twice what it accepts', () => {
    const clock = new FakeClock()
    const throttle = new ClientThrottle({ clock, random: seededRandom(5) })
    run(throttle, clock, { perSecond: 100, capacity: 10, seconds: 600 })
    const { sent, accepted } = run(throttle, clock, { perSecond: 100, capacity: 10, seconds: 600 })
    // Accepts settle at 10/s, so 2 × 10 of 100 are sent: of 60 000 requests 12 000, σ = √(60 000 × 0.2 × 0.8) = 98, 5 σ =
    // 4.1 %. The window is between 23 and 24 parts long, which adds up to 1/24 = 4.2 %.
    expect(sent / accepted).toBeGreaterThan(2 * 0.917)
    expect(sent / accepted).toBeLessThan(2 * 1.083)
    expect(accepted / 6_000).toBeGreaterThan(0.9)
  })

  it('recovers with the service', () => {
    const clock = new FakeClock()
    const throttle = new ClientThrottle({ clock, random: seededRandom(6) })
    const healthy = { perSecond: 10, capacity: 10 }
    run(throttle, clock, { ...healthy, capacity: 0, seconds: 600 })
    expect(throttle.rejectProbability).toBe(0.8)
    // 1 200 requests are in the window. 2 of 10 per second are sent until 120 were accepted, after 60 s; then the accepts A grow
    // by 10 × 2 A / 1 200 per second, so to 600 in 60 × ln 5 = 97 s. Some more for chance.
    run(throttle, clock, { ...healthy, seconds: 200 })
    expect(throttle.rejectProbability).toBe(0)
    expect(run(throttle, clock, { ...healthy, seconds: 60 }).sent).toBe(600)
  })

  it('remembers nothing after a window of silence', () => {
    for (const silenceMs of [120_000, 123_456, 86_400_000, 1e12]) {
      const clock = new FakeClock()
      const throttle = new ClientThrottle({ clock, random: () => 0 })
      repeat(100, () => throttle.refused())
      expect(throttle.shouldReject()).toBe(true)
      clock.advanceSync(silenceMs)
      expect(throttle.rejectProbability).toBe(0)
      expect(throttle.shouldReject()).toBe(false)
    }
  })

  it('agrees with a list of everything that happened within the window', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('accept' as const, 'refuse' as const), count: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant('wait' as const), count: fc.constantFrom(1, 7, 100, 239, 240, 1_000, 2_400) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: -3_000, max: 3_000 }), (steps, startMs) => {
        const clock = new FakeClock(startMs)
        // Parts of 10 ms.
        const throttle = new ClientThrottle({ windowMs: 240, clock })
        const past: { readonly part: number; readonly accepted: number }[] = []
        for (const { kind, count } of steps) {
          const part = Math.floor(clock.now() / 10)
          if (kind === 'wait') clock.advanceSync(count)
          else {
            repeat(count, () => (kind === 'accept' ? throttle.accepted() : throttle.refused()))
            repeat(count, () => past.push({ part, accepted: kind === 'accept' ? 1 : 0 }))
          }
          const newest = Math.floor(clock.now() / 10)
          const counted = past.filter((entry) => entry.part > newest - 24)
          const accepts = counted.reduce((sum, { accepted }) => sum + accepted, 0)
          const published = (counted.length - 2 * accepts) / (counted.length + 1)
          const expected = Math.min(0.8, Math.max(0, published))
          expect(throttle.rejectProbability).toBe(expected)
        }
      }),
      { seed: 20_240_607, numRuns: 500 },
    )
  })
})

describe('the options of ClientThrottle', () => {
  it.each([
    [{ ratio: 0.99 }, 'ratio', 'a finite number in [1, 100], got 0.99 (number)'],
    [{ ratio: Number.POSITIVE_INFINITY }, 'ratio', 'a finite number in [1, 100], got Infinity (number)'],
    [{ windowMs: 23 }, 'windowMs', 'a number of milliseconds in [24, 2147483647], got 23 (number)'],
    [{ random: 1 }, 'random', 'a function, got 1 (number)'],
    [{ clock: {} }, 'clock', 'a Clock with now and setTimeout, got an object (object)'],
  ])('refuse %j', (options, name, rest) => {
    const build = (): unknown => new ClientThrottle(options as unknown as ThrottleOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({ option: `ClientThrottle.${name}`, message: `ClientThrottle.${name} must be ${rest}` }),
    )
  })

  it('suggest the nearest name for an unknown one', () => {
    expect(() => new ClientThrottle({ windowMS: 5 } as ThrottleOptions)).toThrow('Did you mean windowMs?')
  })
})
