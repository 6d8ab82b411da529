import { describe, expect, it } from 'vitest'
import { AttemptWindows } from '../src/attempt-windows.ts'

const origin = 5_000

/** Attempts of 5 instances, each every 10 ms (500 a second together), unless `skip` says otherwise; times since the origin. */
function attempts(untilMs: number, skip: (instance: number, atMs: number) => boolean): AttemptWindows {
  const windows = new AttemptWindows(5, origin)
  for (let at = -200; at < untilMs; at += 10) {
    for (let instance = 0; instance < 5; instance++) {
      if (!skip(instance, at)) windows.add(instance, origin + at, true)
    }
  }
  return windows
}

describe('AttemptWindows.awayAfterMs', () => {
  it('is when the last window with traffic ends', () => {
    const windows = attempts(5_000, (instance, at) => instance === 1 && at >= 740)
    expect(windows.awayAfterMs(1, origin + 5_000)).toBe(800)
  })

  it('is undefined when traffic goes on to the end', () => {
    const windows = attempts(5_000, (instance, at) => instance === 1 && at >= 500 && at < 4_800)
    expect(windows.awayAfterMs(1, origin + 5_000)).toBeUndefined()
  })

  it('does not take a probe for traffic', () => {
    const windows = attempts(5_000, (instance, at) => instance === 1 && at >= 300)
    windows.add(1, origin + 3_050, false)
    expect(windows.awayAfterMs(1, origin + 5_000)).toBe(300)
  })

  it('counts refused attempts as traffic', () => {
    const windows = attempts(1_000, (instance) => instance === 1)
    windows.add(1, origin + 510, false)
    windows.add(1, origin + 520, false)
    expect(windows.awayAfterMs(1, origin + 1_000)).toBe(600)
  })

  it('ignores what began before the fault and after its end', () => {
    const windows = attempts(2_000, (instance, at) => instance === 1 && at >= 0 && at < 1_000)
    expect(windows.awayAfterMs(1, origin + 1_000)).toBe(0)
  })
})

describe('AttemptWindows.backAfterMs', () => {
  it('is when the fair share is answered again, to within a window', () => {
    const windows = attempts(10_000, (instance, at) => instance === 1 && at < 7_000)
    const backMs = windows.backAfterMs(1, origin + 5_000, origin + 10_000)
    // Three quarters of the share within 500 ms are enough, so it may be told 125 ms early, in steps of 100 ms.
    expect(backMs).toBeGreaterThanOrEqual(1_800)
    expect(backMs).toBeLessThanOrEqual(2_000)
  })

  it('is 0 for an instance that was never away', () => {
    const windows = attempts(3_000, () => false)
    expect(windows.backAfterMs(1, origin + 1_000, origin + 3_000)).toBe(0)
  })

  it('does not take a short burst for a return', () => {
    const windows = attempts(5_000, (instance, at) => instance === 1 && (at < 2_000 || at >= 2_500))
    expect(windows.backAfterMs(1, origin + 1_000, origin + 5_000)).toBeUndefined()
  })

  it('does not count attempts that fail', () => {
    const windows = attempts(3_000, (instance) => instance === 1)
    for (let at = 0; at < 3_000; at += 10) windows.add(1, origin + at, false)
    expect(windows.backAfterMs(1, origin + 1_000, origin + 3_000)).toBeUndefined()
  })

  it('is undefined while too little is known', () => {
    const windows = attempts(3_000, () => false)
    expect(windows.backAfterMs(1, origin + 2_500, origin + 3_000)).toBeUndefined()
  })

  it('holds for runs of minutes', () => {
    const windows = attempts(240_000, (instance, at) => instance === 4 && at < 200_000)
    const backMs = windows.backAfterMs(4, origin, origin + 240_000)
    expect(backMs).toBeGreaterThanOrEqual(199_800)
    expect(backMs).toBeLessThanOrEqual(200_000)
  })
})
