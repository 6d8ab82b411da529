import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { RunningClock } from './running-clock.ts'

function held(): { clock: FakeClock; running: RunningClock } {
  const clock = new FakeClock()
  const running = new RunningClock(clock)
  running.hold()
  return { clock, running }
}

describe('the time in which the process ran', () => {
  it('is the clock’s while it runs', async () => {
    const { clock, running } = held()
    const startMs = running.now()
    await clock.advance(12_345)
    expect(running.now() - startMs).toBe(12_345)
    expect(running.stoodMs).toBe(0)
  })

  it.each([200, 3_000, 8 * 3_600_000])(
    'leaves out a pause of %i ms, but for what passed since it was last seen',
    async (pauseMs) => {
      const { clock, running } = held()
      const startMs = running.now()
      await clock.advance(1_030)
      await clock.pause(pauseMs)
      await clock.advance(500)
      // The last beat was 30 ms before.
      expect(running.now() - startMs).toBe(1_500)
      expect(running.stoodMs).toBe(pauseMs + 30)
    },
  )

  it('notices a pause by whoever looks first, also before the beat', async () => {
    const clock = new FakeClock()
    const late = { now: () => clock.now() + lateMs, setTimeout: clock.setTimeout.bind(clock) }
    let lateMs = 0
    const running = new RunningClock(late)
    running.hold()
    const startMs = running.now()
    lateMs = 3_000
    expect(running.now() - startMs).toBe(0)
    await clock.advance(1_000)
    expect(running.now() - startMs).toBe(1_000)
  })

  it('takes a pause for time while nothing is measured', async () => {
    const { clock, running } = held()
    running.release()
    await clock.advance(1_000)
    expect(clock.pendingTimers).toBe(0)
    const startMs = running.now()
    await clock.pause(3_000)
    expect(running.now() - startMs).toBe(3_000)
  })

  it('has one timer, in the background, as long as it is held, and none soon after', async () => {
    const { clock, running } = held()
    running.hold()
    await clock.advance(10_000)
    expect([clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([1, 0])
    running.release()
    running.release()
    await clock.advance(100)
    expect(clock.pendingTimers).toBe(0)
    running.hold()
    running.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('never goes back, whatever the clock does', () => {
    let nowMs = 1_000
    const running = new RunningClock({ now: () => nowMs, setTimeout: () => () => {} })
    running.hold()
    let before = running.now()
    for (const reading of [1_050, 900, 950, 10_000, 9_000, 9_010, 0, 20]) {
      nowMs = reading
      const now = running.now()
      expect(now).toBeGreaterThanOrEqual(before)
      before = now
    }
  })
})

describe('a timer of it', () => {
  it('fires when its time is over, and not when it was cancelled', async () => {
    const { clock, running } = held()
    const fired: number[] = []
    const startMs = clock.now()
    running.setTimeout(() => fired.push(clock.now() - startMs), 1_000)
    running.setTimeout(() => fired.push(0), 500)()
    await clock.advance(5_000)
    expect(fired).toEqual([1_000])
  })

  it('waits for what is left of its time after a pause', async () => {
    const { clock, running } = held()
    let fired = false
    running.setTimeout(() => {
      fired = true
    }, 1_000)
    await clock.advance(400)
    await clock.pause(3_600_000)
    await clock.advance(599)
    expect(fired).toBe(false)
    await clock.advance(1)
    expect(fired).toBe(true)
  })

  it('lets what lies in the sockets come first when it is late, also when nothing is measured', async () => {
    const clock = new FakeClock()
    const running = new RunningClock(clock)
    let fired = false
    running.setTimeout(() => {
      fired = true
    }, 1_000)
    await clock.pause(2_000)
    await clock.advance(199)
    expect(fired).toBe(false)
    await clock.advance(1)
    expect(fired).toBe(true)
  })

  it('may be cancelled while it is put off', async () => {
    const { clock, running } = held()
    let fired = false
    const cancel = running.setTimeout(() => {
      fired = true
    }, 1_000)
    await clock.pause(3_000)
    cancel()
    running.release()
    await clock.advance(10_000)
    expect([fired, clock.pendingTimers]).toEqual([false, 0])
  })

  it('fires at last in a process that never runs for long', async () => {
    const { clock, running } = held()
    let fired = false
    running.setTimeout(() => {
      fired = true
    }, 1_000)
    let passedMs = 0
    while (!fired) {
      await clock.pause(900)
      passedMs += 900
      expect(passedMs).toBeLessThan(10_000)
    }
  })
})
