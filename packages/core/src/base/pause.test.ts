import { getEventListeners } from 'node:events'
import { FakeClock } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { pause } from './pause.ts'

describe('a pause', () => {
  it('ends after its time, in the background, and lets go of the signal', async () => {
    const clock = new FakeClock()
    const { signal } = new AbortController()
    let ended = false
    const paused = pause(clock, 1_000, signal).then(() => {
      ended = true
    })
    await clock.advance(999)
    expect([ended, clock.pendingTimers, clock.pendingForegroundTimers]).toEqual([false, 1, 0])
    await clock.advance(1)
    await paused
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('ends with the reason of the signal, without its timer', async () => {
    const clock = new FakeClock()
    const controller = new AbortController()
    const paused = pause(clock, 1_000, controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(paused).rejects.toBe(reason)
    await expect(pause(clock, 1_000, controller.signal)).rejects.toBe(reason)
    expect(clock.pendingTimers).toBe(0)
  })
})
