import { FakeClock } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlidingWindow } from './sliding-window.ts'

describe('SlidingWindow', () => {
  it('holds what was counted within its length, whenever that was and however long nothing came', () => {
    const steps = fc.array(fc.record({ passMs: fc.nat(2_500), amount: fc.integer({ min: 1, max: 9 }) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(steps, fc.integer({ min: -5_000, max: 5_000 }), (history, startMs) => {
        const clock = new FakeClock(startMs)
        const slices: number[] = []
        for (let slice = 0; slice < 10; slice++) slices.push(0)
        const window = new SlidingWindow(clock, 1_000, 10, (slice) => {
          slices[slice] = 0
        })
        const counted: { readonly slice: number; readonly amount: number }[] = []
        for (const { passMs, amount } of history) {
          clock.advanceSync(passMs)
          const index = window.advance()
          slices[index] = (slices[index] ?? 0) + amount
          const now = Math.floor(clock.now() / 100)
          counted.push({ slice: now, amount })
          const expected = counted.reduce((sum, each) => (each.slice > now - 10 ? sum + each.amount : sum), 0)
          expect(slices.reduce((sum, each) => sum + each, 0)).toBe(expected)
        }
      }),
      { seed: 20_240_607, numRuns: 500 },
    )
  })
})
