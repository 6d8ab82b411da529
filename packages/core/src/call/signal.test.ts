import { describe, expect, it, vi } from 'vitest'
import { CallSignal } from './signal.ts'

describe('the signal of a call', () => {
  it('tells its listener once, and keeps the first reason', () => {
    const signal = new CallSignal()
    const listener = vi.fn()
    signal.addEventListener('abort', listener)
    expect(signal.aborted).toBe(false)
    signal.abort('first')
    signal.abort('second')
    expect(listener).toHaveBeenCalledOnce()
    expect(signal).toMatchObject({ aborted: true, reason: 'first' })
  })

  it('tells nobody who was removed, and keeps one that another was taken for', () => {
    const signal = new CallSignal()
    const [kept, removed] = [vi.fn(), vi.fn()]
    signal.addEventListener('abort', kept)
    signal.removeEventListener('abort', removed)
    signal.abort('gone')
    expect(kept).toHaveBeenCalledOnce()
    const other = new CallSignal()
    other.addEventListener('abort', removed)
    other.removeEventListener('abort', removed)
    other.abort('gone')
    expect(removed).not.toHaveBeenCalled()
  })
})
