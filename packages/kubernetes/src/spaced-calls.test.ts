import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { SpacedCalls } from './spaced-calls.ts'

function spaced(): { calls: number[]; clock: FakeClock; spacedCalls: SpacedCalls } {
  const clock = new FakeClock(0)
  const calls: number[] = []
  return { calls, clock, spacedCalls: new SpacedCalls(() => calls.push(clock.now()), 100, clock) }
}

describe('spaced calls', () => {
  it('are made at once, and those of a burst once after it', () => {
    const { calls, clock, spacedCalls } = spaced()
    for (let count = 0; count < 50; count++) spacedCalls.request()
    expect(calls).toEqual([0])
    clock.advanceSync(1_000)
    expect(calls).toEqual([0, 100])
    spacedCalls.request()
    expect(calls).toEqual([0, 100, 1_000])
  })

  it('go on while there is something to call for', () => {
    const { calls, clock, spacedCalls } = spaced()
    for (let count = 0; count < 30; count++) {
      spacedCalls.request()
      clock.advanceSync(10)
    }
    expect(calls).toEqual([0, 100, 200, 300])
  })

  it('end with the one that is due, and without a timer', () => {
    const { calls, clock, spacedCalls } = spaced()
    spacedCalls.request()
    spacedCalls.request()
    spacedCalls.end()
    spacedCalls.end()
    expect([calls, clock.pendingTimers]).toEqual([[0, 0], 0])
  })
})
