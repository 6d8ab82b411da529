import { FakeClock } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.ts'

/** Takes all it can, and says how much that was. Bounded, so that a budget without end is an error. */
function drain(budget: RetryBudget): number {
  let taken = 0
  while (taken < 100_000 && budget.tryWithdraw()) taken++
  return taken
}

function deposit(budget: RetryBudget, count: number): void {
  for (let request = 0; request < count; request++) budget.deposit()
}

describe('RetryBudget', () => {
  // Finagle's figure: deposits × ratio + window × minPerSecond, within 1.
  it.each([
    [{}, 2_000 + 100],
    [{ ratio: 0.1 }, 1_000 + 100],
    [{ ratio: 1, minPerSecond: 0 }, 10_000],
    [{ ratio: 0.3, minPerSecond: 5, windowMs: 60_000 }, 3_000 + 300],
    [{ ratio: 2, minPerSecond: 1 }, 20_000 + 10],
    [{ ratio: 0 }, 100],
    [{ ratio: 0, minPerSecond: 0 }, 0],
  ])('allows the documented share of 10 000 requests while the clock stands still: %j', (options, expected) => {
    const budget = new RetryBudget({ ...options, clock: new FakeClock() })
    deposit(budget, 10_000)
    expect(Math.abs(budget.balance - expected)).toBeLessThan(1)
    expect(Math.abs(drain(budget) - expected)).toBeLessThanOrEqual(1)
    expect(budget.tryWithdraw()).toBe(false)
    expect(budget.balance).toBeLessThan(1)
  })

  it('loses no retry to the rounding of fractions', () => {
    const budget = new RetryBudget({ ratio: 0.1, minPerSecond: 0, clock: new FakeClock() })
    deposit(budget, 10)
    expect(drain(budget)).toBe(1)
    deposit(budget, 29)
    expect(drain(budget)).toBe(2)
  })

  it('has its reserve from the start, so that a quiet service can retry', () => {
    expect(drain(new RetryBudget({ clock: new FakeClock() }))).toBe(100)
  })

  it('forgets requests that are older than the window', async () => {
    const clock = new FakeClock()
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, clock })
    deposit(budget, 50)
    await clock.advance(5_000)
    deposit(budget, 30)
    expect(budget.balance).toBe(80)
    await clock.advance(5_000)
    expect(budget.balance).toBe(30)
    await clock.advance(5_000)
    expect(budget.balance).toBe(0)
  })

  it('takes a reading of the clock that the caller has, and does not read it again', async () => {
    const clock = new FakeClock()
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, clock })
    await clock.advance(5_000)
    const nowMs = clock.now()
    const read = vi.spyOn(clock, 'now')
    budget.deposit(30, nowMs)
    expect(read).not.toHaveBeenCalled()
    expect(budget.balance).toBe(30)
    await clock.advance(9_000)
    expect(budget.balance).toBe(30)
    await clock.advance(1_000)
    expect(budget.balance).toBe(0)
  })

  it('counts a request for the window, give or take a tenth', async () => {
    for (const offsetMs of [0, 1, 999]) {
      const clock = new FakeClock(offsetMs)
      const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, clock })
      budget.deposit()
      await clock.advance(9_000)
      expect(budget.balance).toBe(1)
      await clock.advance(1_000)
      expect(budget.balance).toBe(0)
    }
  })

  it('has its reserve back by successes, no faster than minPerSecond', async () => {
    const clock = new FakeClock()
    const budget = new RetryBudget({ ratio: 0, clock })
    expect(drain(budget)).toBe(100)
    // Time alone brings nothing back.
    await clock.advance(3_600_000)
    expect(budget.balance).toBe(0)
    for (let success = 1; success <= 300; success++) {
      budget.successes++
      expect(budget.balance).toBe(Math.min(100, success / 2))
    }
    expect(drain(budget)).toBe(100)
    for (let second = 1; second <= 5; second++) {
      await clock.advance(1_000)
      for (let call = 0; call < 100; call++) {
        budget.deposit()
        budget.successes++
      }
      expect(budget.balance).toBeCloseTo(10 * second)
    }
  })

  it('lets one of two instances fail for ever at any rate of calls, as every call succeeds', async () => {
    for (const everyMs of [50, 500, 2_000, 60_000]) {
      const clock = new FakeClock()
      const budget = new RetryBudget({ clock })
      const fails = everyMs < 500 ? 20 : 1_000
      for (let call = 0; call < fails; call++) {
        budget.deposit()
        if (call % 2 === 1) expect(budget.tryWithdraw(), `call ${call} every ${everyMs} ms`).toBe(true)
        budget.successes++
        await clock.advance(everyMs)
      }
    }
  })

  it('makes the retries of one call ahead of the share where every call fails', async () => {
    for (const [everyMs, maxRetries] of [
      [20, 2],
      [200, 2],
      [2_000, 2],
      [2_000, 7],
      [60_000, 2],
    ] as const) {
      const clock = new FakeClock()
      const budget = new RetryBudget({ clock })
      let retries = 0
      for (let call = 1; call <= 200; call++) {
        budget.deposit()
        const before = retries
        while (retries - before < maxRetries && budget.tryWithdraw()) retries++
        if (retries > before) budget.failed()
        expect(retries).toBeLessThanOrEqual(Math.max(maxRetries, 0.2 * call + 1e-6))
        await clock.advance(everyMs)
      }
      // Where fewer calls than one retry is worth fall within a window, nothing but the reserve pays.
      expect(retries).toBeGreaterThanOrEqual(everyMs < 2_000 ? 39 : maxRetries)
    }
  })

  it('owes nothing after a success', async () => {
    const clock = new FakeClock()
    const budget = new RetryBudget({ ratio: 1, clock })
    expect([budget.tryWithdraw(), budget.tryWithdraw()]).toEqual([true, true])
    budget.failed()
    deposit(budget, 1)
    expect(budget.balance).toBe(0)
    budget.successes++
    deposit(budget, 1)
    expect(budget.balance).toBe(1)
  })

  it('is full at most, for however long nobody asks', async () => {
    const clock = new FakeClock()
    const budget = new RetryBudget({ clock })
    for (const idleMs of [10_000, 123_456, 86_400_000, 1e12]) {
      deposit(budget, 1_000)
      budget.successes++
      await clock.advance(idleMs)
      budget.successes++
      expect(budget.balance).toBe(100)
    }
  })

  it('is not affected by a reading of the balance', () => {
    const budget = new RetryBudget({ clock: new FakeClock() })
    for (let reading = 0; reading < 10; reading++) expect(budget.balance).toBe(100)
  })

  it('is never negative', async () => {
    const clock = new FakeClock()
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, clock })
    deposit(budget, 10)
    await clock.advance(5_000)
    expect(drain(budget)).toBe(10)
    await clock.advance(5_000)
    // The deposits are gone, the withdrawals still count.
    expect(budget.balance).toBe(0)
    deposit(budget, 5)
    expect(budget.tryWithdraw()).toBe(false)
  })

  it('works on a clock whose readings are negative', async () => {
    const clock = new FakeClock(-55_500)
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, clock })
    deposit(budget, 10)
    expect(drain(budget)).toBe(10)
    await clock.advance(60_000)
    deposit(budget, 3)
    expect(drain(budget)).toBe(3)
  })

  it('agrees with a list of everything that happened within the window, without a reserve', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('deposit' as const), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ kind: fc.constant('withdraw' as const), count: fc.integer({ min: 1, max: 10 }) }),
      fc.record({ kind: fc.constant('wait' as const), count: fc.integer({ min: 1, max: 4_000 }) }),
      fc.record({ kind: fc.constant('wait' as const), count: fc.constantFrom(1_000, 9_000, 10_000, 50_000) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(5_000), (steps, startMs) => {
        const clock = new FakeClock(startMs)
        // A ratio that is exact in binary, so that the model may compare exactly.
        const budget = new RetryBudget({ ratio: 0.25, minPerSecond: 0, clock })
        const past: { readonly second: number; readonly tokens: number }[] = []
        const balance = (): number => {
          const second = Math.floor(clock.now() / 1_000)
          const counted = past.filter((entry) => entry.second > second - 10)
          return counted.reduce((sum, { tokens }) => sum + tokens, 0)
        }
        for (const { kind, count } of steps) {
          if (kind === 'wait') clock.advanceSync(count)
          for (let index = 0; kind !== 'wait' && index < count; index++) {
            const second = Math.floor(clock.now() / 1_000)
            if (kind === 'deposit') {
              budget.deposit()
              past.push({ second, tokens: 0.25 })
            } else {
              const allowed = balance() >= 1
              expect(budget.tryWithdraw()).toBe(allowed)
              if (allowed) past.push({ second, tokens: -1 })
            }
          }
          expect(budget.balance).toBe(Math.max(0, balance()))
        }
      }),
      { seed: 20_240_608, numRuns: 1_000 },
    )
  })

  it('never allows more than the share and the reserve, whatever happens', () => {
    const step = fc.record({
      kind: fc.constantFrom('deposit', 'withdraw', 'succeeded', 'failed', 'wait'),
      count: fc.integer({ min: 1, max: 20 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(4), (steps, minPerSecond) => {
        const clock = new FakeClock()
        const budget = new RetryBudget({ ratio: 0.25, minPerSecond, clock })
        let deposits = 0
        let successes = 0
        let retries = 0
        for (const { kind, count } of steps) {
          if (kind === 'wait') clock.advanceSync(count * 300)
          for (let index = 0; kind !== 'wait' && index < count; index++) {
            if (kind === 'deposit') deposits++
            if (kind === 'deposit') budget.deposit()
            else if (kind === 'succeeded') budget.successes++
            else if (kind === 'failed') budget.failed()
            else if (budget.tryWithdraw()) retries++
            if (kind === 'succeeded') successes++
          }
          expect(budget.balance).toBeGreaterThanOrEqual(0)
          const refilled = Math.min(successes / 2, minPerSecond * (clock.now() / 1_000 + 1))
          expect(retries).toBeLessThanOrEqual(deposits / 4 + 10 * minPerSecond + refilled + 1e-6)
        }
      }),
      { seed: 20_240_609, numRuns: 1_000 },
    )
  })
})

describe('the options of RetryBudget', () => {
  it.each([
    [{ ratio: -0.1 }, 'ratio', 'a finite number in [0, 1000], got -0.1 (number)'],
    [{ ratio: Number.POSITIVE_INFINITY }, 'ratio', 'a finite number in [0, 1000], got Infinity (number)'],
    [{ minPerSecond: '5' }, 'minPerSecond', 'a finite number in [0, 1000000], got "5" (string)'],
    [{ windowMs: 9 }, 'windowMs', 'a number of milliseconds in [10, 2147483647], got 9 (number)'],
  ])('refuse %j', (options, name, rest) => {
    const build = (): unknown => new RetryBudget(options as RetryBudgetOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(
      expect.objectContaining({ option: `RetryBudget.${name}`, message: `RetryBudget.${name} must be ${rest}` }),
    )
  })

  it('suggest the nearest name for an unknown one', () => {
    expect(() => new RetryBudget({ windowMS: 5 } as RetryBudgetOptions)).toThrow(
      'RetryBudget.windowMS is not a known option. Did you mean windowMs?',
    )
  })

  it.each([[null], [7]])('refuse %s in their place', (options) => {
    expect(() => new RetryBudget(options as unknown as RetryBudgetOptions)).toThrow(InvalidOptionError)
  })

  it('refuse a clock that is none', () => {
    expect(() => new RetryBudget({ clock: null } as unknown as RetryBudgetOptions)).toThrow(InvalidOptionError)
  })
})
