import { FakeClock } from '@lb/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { PacedCalls } from './paced-calls.ts'

let clock: FakeClock
let calls: number[]
let paced: PacedCalls

beforeEach(() => {
  clock = new FakeClock(0)
  calls = []
  paced = new PacedCalls(() => calls.push(clock.now()), 50, clock)
})

describe('paced calls', () => {
  it('are made at once, and those of a burst once at the end of the pace', () => {
    paced.request()
    clock.advanceSync(10)
    for (let count = 0; count < 50; count++) paced.request()
    clock.advanceSync(1_000)
    paced.request()
    expect(calls).toEqual([0, 50, 1_010])
  })

  it('go on at their pace while requests come without a pause', () => {
    for (let step = 0; step < 299; step++) {
      paced.request()
      clock.advanceSync(1)
    }
    expect(calls).toEqual([0, 50, 100, 150, 200, 250])
  })

  it('make the one that waits when they are flushed, and none when none waits', () => {
    paced.flush()
    paced.request()
    paced.flush()
    paced.request()
    paced.flush()
    clock.advanceSync(1_000)
    expect(calls).toEqual([0, 0])
  })

  it('end without a call and without a timer', () => {
    paced.request()
    paced.request()
    paced.close()
    clock.advanceSync(1_000)
    expect([calls, clock.pendingTimers]).toEqual([[0], 0])
  })
})
