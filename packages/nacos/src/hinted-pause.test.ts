import { FakeClock } from '@lb/testing'
import { expect, it } from 'vitest'
import { HintedPause } from './hinted-pause.ts'

function start(random = () => 0.5) {
  const clock = new FakeClock()
  const pause = new HintedPause(clock, random)
  const controller = new AbortController()
  /** Milliseconds that a pause of ten seconds takes. */
  const measure = async (hints: readonly number[] = []): Promise<number> => {
    const startMs = clock.now()
    let endMs: number | undefined
    const waiting = pause.wait(10_000, controller.signal).then(() => {
      endMs = clock.now()
    })
    for (const hintMs of hints) {
      await clock.advance(startMs + hintMs - clock.now())
      pause.hint()
    }
    while (endMs === undefined) await clock.advance(50)
    await waiting
    return endMs - startMs
  }
  return { clock, pause, controller, measure }
}

it('is as long as it is to be without a hint', async () => {
  const { measure, clock } = start()
  expect(await measure()).toBe(10_000)
  expect(clock.pendingTimers).toBe(0)
})

it('ends soon after a hint, at a moment of its own', async () => {
  expect(await start(() => 0).measure([4_000])).toBe(4_000)
  expect(await start(() => 0.5).measure([4_000])).toBe(4_250)
})

it('is never longer for a hint', async () => {
  expect(await start(() => 1).measure([9_900])).toBe(10_000)
})

it('is at least a second long, however many hints come and when', async () => {
  const { measure, pause } = start()
  expect(await measure([0, 1, 2, 3])).toBe(1_000)
  // While the question is under way.
  pause.hint()
  expect(await measure()).toBe(1_000)
  expect(await measure()).toBe(10_000)
})

it('ends at once when it is aborted, and leaves nothing behind', async () => {
  const { clock, pause, controller } = start()
  const waiting = pause.wait(10_000, controller.signal)
  controller.abort(new Error('closed'))
  await expect(waiting).rejects.toThrow('closed')
  await expect(pause.wait(10_000, controller.signal)).rejects.toThrow('closed')
  pause.hint()
  expect(clock.pendingTimers).toBe(0)
})
