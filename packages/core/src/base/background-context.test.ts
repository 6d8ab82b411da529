import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { runInBackground } from './background-context.ts'
import { systemClock } from './clock.ts'

const store = new AsyncLocalStorage<string>()

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('runInBackground', () => {
  it('runs its action outside of the stores of its caller, what it awaits included', async () => {
    const seen = await store.run('call', () =>
      runInBackground(async () => {
        const first = store.getStore()
        await Promise.resolve()
        return [first, store.getStore()]
      }),
    )
    expect(seen).toEqual([undefined, undefined])
  })

  it('gives what its action gives, and leaves its caller in its store', () => {
    store.run('call', () => {
      expect(runInBackground(() => 42)).toBe(42)
      expect(() =>
        runInBackground(() => {
          throw new RangeError('bad')
        }),
      ).toThrow(RangeError)
      expect(store.getStore()).toBe('call')
    })
  })
})

describe('a timer of systemClock', () => {
  it.each([
    [true, undefined],
    [false, 'call'],
  ])('with background %s is set in the store %s of a caller in "call"', (background, expected) => {
    let seen: string | undefined = 'not called'
    vi.stubGlobal('setTimeout', () => {
      seen = store.getStore()
      return 0
    })
    store.run('call', () => systemClock.setTimeout(() => {}, 1_000, { background }))
    expect(seen).toBe(expected)
  })
})
