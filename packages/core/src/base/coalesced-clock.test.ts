import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { CoalescedClock } from './coalesced-clock.ts'

const background = { background: true }

describe('timers of a coalesced clock', () => {
  it('are exact where there is no other near them', () => {
    const clock = new FakeClock()
    const coalesced = new CoalescedClock(clock)
    const fired: number[] = []
    for (const delayMs of [5_000, 7_000.5, 10_000]) {
      coalesced.setTimeout(() => fired.push(clock.now()), delayMs, background)
    }
    const start = clock.now()
    clock.advanceSync(20_000)
    expect(fired.map((atMs) => atMs - start)).toEqual([5_000, 7_000.5, 10_000])
  })

  it('share one of the clock, at the time of the first, which is at most 100 ms early', () => {
    const clock = new FakeClock(0)
    const coalesced = new CoalescedClock(clock)
    const early: number[] = []
    for (let index = 0; index < 1_000; index++) {
      // In no order.
      const delayMs = 8_000 + ((index * 787) % 2_000)
      coalesced.setTimeout(() => early.push(delayMs - clock.now()), delayMs, background)
    }
    expect(clock.pendingTimers).toBe(20)
    clock.advanceSync(10_000)
    expect(early).toHaveLength(1_000)
    expect(Math.min(...early)).toBe(0)
    expect(Math.max(...early)).toBeLessThan(100)
    expect(clock.pendingTimers).toBe(0)
  })

  it('leave nothing when all of a slot are cancelled, and cancelling twice or late does nothing', () => {
    const clock = new FakeClock(0)
    const coalesced = new CoalescedClock(clock)
    const fired: string[] = []
    const cancels = ['a', 'b', 'c'].map((name) => coalesced.setTimeout(() => fired.push(name), 5_000, background))
    cancels[0]?.()
    cancels[0]?.()
    expect(clock.pendingTimers).toBe(1)
    cancels[1]?.()
    cancels[2]?.()
    expect(clock.pendingTimers).toBe(0)
    const cancel = coalesced.setTimeout(() => fired.push('d'), 5_000, background)
    clock.advanceSync(5_000)
    coalesced.setTimeout(() => fired.push('e'), 5_000, background)
    cancel()
    clock.advanceSync(5_000)
    expect(fired).toEqual(['d', 'e'])
  })

  it('go on when one throws', () => {
    const clock = new FakeClock(0)
    const coalesced = new CoalescedClock(clock)
    const fired: string[] = []
    const thrower = (): void => {
      throw new Error('mistake')
    }
    for (const callback of [() => fired.push('a'), thrower, () => fired.push('b')]) {
      coalesced.setTimeout(callback, 5_000, background)
    }
    expect(() => clock.advanceSync(5_000)).toThrow('mistake')
    expect(fired).toEqual(['a', 'b'])
  })

  it('are those of the clock if something waits for them, or if they are short', () => {
    const clock = new FakeClock(0)
    const coalesced = new CoalescedClock(clock)
    coalesced.setTimeout(() => {}, 10_000)
    coalesced.setTimeout(() => {}, 10_000)
    coalesced.setTimeout(() => {}, 4_999, background)
    coalesced.setTimeout(() => {}, 4_999, background)
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([4, 2])
  })
})
