import { getEventListeners } from 'node:events'
import { FakeClock } from '@lb/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { within } from './within.ts'

let clock: FakeClock
beforeEach(() => {
  clock = new FakeClock()
})

const late = (): Error => new Error('too late')
const never = (): Promise<never> => new Promise(() => {})

describe('an action within a limit', () => {
  it('gives what comes in time, and leaves nothing behind', async () => {
    const { signal } = new AbortController()
    expect(await within({ clock, limitMs: 10, signal, background: false }, async () => 7, late)).toBe(7)
    const failure = new Error('no')
    const failing = (): Promise<never> => Promise.reject(failure)
    await expect(within({ clock, limitMs: 10, signal, background: false }, failing, late)).rejects.toBe(failure)
    expect([clock.pendingTimers, getEventListeners(signal, 'abort')]).toEqual([0, []])
  })

  it('is too late after it', async () => {
    const result = within({ clock, limitMs: 10, signal: undefined, background: true }, never, late)
    expect(clock.pendingForegroundTimers).toBe(0)
    const rejected = expect(result).rejects.toThrow('too late')
    await clock.advance(10)
    await rejected
  })

  it('is not wanted any more when the signal is aborted, then or before', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const limits = { clock, limitMs: 10, signal: controller.signal, background: false }
    const result = within(limits, never, late)
    controller.abort(reason)
    await expect(result).rejects.toBe(reason)
    await expect(within(limits, async () => 7, late)).rejects.toBe(reason)
  })
})
