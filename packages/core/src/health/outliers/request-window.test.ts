import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { RequestWindow } from './request-window.ts'

function observedWindow(
  jitter = 0,
  random: () => number = () => 0,
): { clock: FakeClock; window: RequestWindow; ends: { atMs: number; outdated: boolean }[] } {
  const clock = new FakeClock(0)
  const ends: { atMs: number; outdated: boolean }[] = []
  const onEnd = (outdated: boolean): void => {
    ends.push({ atMs: clock.now(), outdated })
  }
  return { clock, ends, window: new RequestWindow({ lengthMs: 10_000, jitter, clock, random, onEnd }) }
}

describe('RequestWindow', () => {
  it('has no timer until it is opened, and none after it ended', () => {
    const { clock, window, ends } = observedWindow()
    clock.advanceSync(60_000)
    expect([clock.pendingTimers, ends]).toEqual([0, []])
    window.open()
    window.open()
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([1, 0])
    clock.advanceSync(3_600_000)
    expect([clock.pendingTimers, ends]).toEqual([0, [{ atMs: 70_000, outdated: false }]])
  })

  it('ends its length after the request that opened it, each time', () => {
    const { clock, window, ends } = observedWindow()
    for (let request = 0; request < 30; request++) {
      window.open()
      clock.advanceSync(1_500)
    }
    expect(ends.map(({ atMs }) => atMs)).toEqual([10_000, 20_500, 31_000, 41_500])
  })

  it('is shortened by chance, so that windows of many processes do not end together', () => {
    const { clock, window, ends } = observedWindow(0.1, () => 0.5)
    window.open()
    clock.advanceSync(9_500)
    expect(ends).toHaveLength(1)
  })

  it('calls what it counted outdated when its timer was held up', () => {
    let fire: () => void = () => {}
    let nowMs = 0
    const seen: boolean[] = []
    const clock = {
      now: () => nowMs,
      setTimeout: (callback: () => void) => {
        fire = callback
        return () => {}
      },
    }
    const window = new RequestWindow({
      lengthMs: 10_000,
      jitter: 0,
      clock,
      random: () => 0,
      onEnd: (outdated) => seen.push(outdated),
    })
    for (const lateMs of [0, 10_000, 10_001, 3_600_000, 0]) {
      window.open()
      nowMs += 10_000 + lateMs
      fire()
    }
    expect(seen).toEqual([false, false, true, true, false])
  })

  it('never ends once it is closed', () => {
    const { clock, window, ends } = observedWindow()
    window.open()
    window.close()
    window.close()
    clock.advanceSync(60_000)
    expect([clock.pendingTimers, ends]).toEqual([0, []])
  })
})
