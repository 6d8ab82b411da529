import { FakeClock } from '@lb/testing'
import { beforeEach, expect, it } from 'vitest'
import { ListPacer } from './list-pacer.ts'

let clock: FakeClock
let told: number[]
let pacer: ListPacer

beforeEach(() => {
  clock = new FakeClock(0)
  told = []
  pacer = new ListPacer(clock, () => told.push(clock.now()))
})

it('tells the first change at once, and those within the next 50 ms together at their end', () => {
  pacer.changed()
  clock.advanceSync(10)
  pacer.changed()
  pacer.changed()
  clock.advanceSync(1_000)
  pacer.changed()
  expect(told).toEqual([0, 50, 1_010])
})

it('under changes without a pause it tells twenty times a second', () => {
  for (let step = 0; step < 1_000; step++) {
    pacer.changed()
    clock.advanceSync(1)
  }
  expect(told.length).toBeGreaterThanOrEqual(19)
  expect(told.length).toBeLessThanOrEqual(21)
})

it('flush tells what is waiting, and nothing when nothing is', () => {
  pacer.flush()
  pacer.changed()
  pacer.flush()
  pacer.changed()
  pacer.flush()
  clock.advanceSync(1_000)
  expect(told).toEqual([0, 0])
})

it('tells nothing after close, and leaves no timer', () => {
  pacer.changed()
  pacer.changed()
  pacer.close()
  clock.advanceSync(1_000)
  expect(told).toEqual([0])
  expect(clock.pendingTimers).toBe(0)
})
