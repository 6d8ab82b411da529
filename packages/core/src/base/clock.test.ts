import { spawnSync } from 'node:child_process'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { monotonic, systemClock } from './clock.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** Runs `script` in a process of its own, with `systemClock` in scope. */
function runAlone(script: string): { status: number | null; stdout: string } {
  const url = JSON.stringify(new URL('./clock.ts', import.meta.url).href)
  const source = `import { systemClock } from ${url}\n${script}`
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', source], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  return { status, stdout }
}

describe('systemClock', () => {
  it('never goes backwards', () => {
    let before = systemClock.now()
    for (let reading = 0; reading < 10_000; reading++) {
      const now = systemClock.now()
      expect(now).toBeGreaterThanOrEqual(before)
      before = now
    }
  })

  it('does not follow the time of day', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 0 })
    const before = systemClock.now()
    vi.setSystemTime(1e12)
    expect(systemClock.now() - before).toBeLessThan(60_000)
  })

  it('calls back once, after the delay', () => {
    vi.useFakeTimers()
    let calls = 0
    systemClock.setTimeout(() => calls++, 100)
    vi.advanceTimersByTime(99)
    expect(calls).toBe(0)
    vi.advanceTimersByTime(1_000)
    expect(calls).toBe(1)
  })

  it('does not call back after the timer was cancelled, which may be done twice and late', () => {
    vi.useFakeTimers()
    let calls = 0
    const cancel = systemClock.setTimeout(() => calls++, 100)
    cancel()
    cancel()
    const late = systemClock.setTimeout(() => calls++, 100)
    vi.advanceTimersByTime(1_000)
    late()
    expect(calls).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not fire at once for a delay that the platform cannot hold', () => {
    const run = runAlone(`
      const cancels = [2 ** 31, 2 ** 40, Infinity].map((delay) =>
        systemClock.setTimeout(() => console.log('fired', delay), delay))
      setTimeout(() => { for (const cancel of cancels) cancel(); console.log('end') }, 50)
    `)
    expect(run).toEqual({ status: 0, stdout: 'end\n' })
  })

  it('does not keep the process alive for a background timer', () => {
    const run = runAlone(`
      systemClock.setTimeout(() => console.log('fired'), 60_000, { background: true })
      console.log('end')
    `)
    expect(run).toEqual({ status: 0, stdout: 'end\n' })
  })

  it('keeps the process alive for a timer that somebody waits for', () => {
    const run = runAlone(`
      systemClock.setTimeout(() => console.log('fired'), 50)
      systemClock.setTimeout(() => console.log('fired too'), 60, { background: false })
    `)
    expect(run).toEqual({ status: 0, stdout: 'fired\nfired too\n' })
  })
})

describe('a clock that is held to its promise', () => {
  it('never goes back, and is always a number', () => {
    const readings = [5, 7, 3, Number.NaN, 8, Number.NEGATIVE_INFINITY, 9]
    const clock = monotonic({ now: () => readings.shift() as number, setTimeout: () => () => {} })
    expect(Array.from({ length: 7 }, () => clock.now())).toEqual([5, 7, 7, 7, 8, 8, 9])
  })
})
