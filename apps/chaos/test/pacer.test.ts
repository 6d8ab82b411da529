import { describe, expect, it } from 'vitest'
import { Pacer } from '../src/pacer.ts'

describe('Pacer', () => {
  it('hands out the rate, however often it is asked', () => {
    const pacer = new Pacer(500, 1_000)
    let sent = 0
    for (let now = 1_000; now <= 3_000; now += 3) sent += pacer.takeDue(now)
    sent += pacer.takeDue(3_000)
    expect(sent).toBe(1_000)
  })

  it('makes up for a pause at once, and says how late that was', () => {
    const pacer = new Pacer(500, 0)
    expect(pacer.takeDue(2)).toBe(1)
    expect(pacer.maxLagMs).toBeCloseTo(0)
    expect(pacer.takeDue(102)).toBe(50)
    // The first of the 50 was due at 4 ms.
    expect(pacer.maxLagMs).toBeCloseTo(98)
  })

  it('keeps the old rate for what was due before the rate changed', () => {
    const pacer = new Pacer(500, 0)
    pacer.setRate(100, 1_000)
    expect(pacer.takeDue(2_000)).toBe(600)
  })

  it('carries fractions over', () => {
    const pacer = new Pacer(100, 0)
    expect([5, 10, 15, 20].map((now) => pacer.takeDue(now))).toEqual([0, 1, 0, 1])
  })
})
