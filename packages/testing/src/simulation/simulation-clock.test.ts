import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulationClock } from './simulation-clock.ts'

describe('SimulationClock', () => {
  it('fires in the order of time, then of setting, whatever is cancelled: as a sorted list does', async () => {
    // Each step sets a timer at a small delay, so that many coincide; some cancel one that was set before.
    const step = fc.record({ delayMs: fc.integer({ min: 0, max: 20 }), cancels: fc.option(fc.nat({ max: 60 })) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = new SimulationClock(0)
        const fired: number[] = []
        const cancels: (() => void)[] = []
        const alive = new Map<number, number>()
        for (const [index, { delayMs, cancels: victim }] of steps.entries()) {
          cancels.push(clock.setTimeout(() => fired.push(index), delayMs))
          alive.set(index, delayMs)
          if (victim === null) continue
          cancels[victim]?.()
          alive.delete(victim)
          if (victim > index) continue
          cancels[victim]?.()
        }
        expect(clock.pendingTimers).toBe(alive.size)
        await clock.runUntil(20)
        const sorted = [...alive].sort(([left, leftMs], [right, rightMs]) => leftMs - rightMs || left - right)
        expect(fired).toEqual(sorted.map(([index]) => index))
        expect(clock.pendingTimers).toBe(0)
      }),
      { seed: 20_240_607, numRuns: 300 },
    )
  })

  it('keeps the order when timers set and cancel timers as they fire', async () => {
    const step = fc.record({ delayMs: fc.integer({ min: 0, max: 50 }), cancels: fc.nat({ max: 40 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const clock = new SimulationClock(0)
        const firedAtMs: number[] = []
        const cancelled = new Set<number>()
        const fired = new Set<number>()
        const cancels: (() => void)[] = []
        let next = 0
        const set = (): void => {
          const own = next++
          const given = steps[own]
          if (given === undefined) return
          const dueMs = clock.now() + given.delayMs
          cancels[own] = clock.setTimeout(() => {
            expect(cancelled.has(own)).toBe(false)
            expect(clock.now()).toBe(dueMs)
            fired.add(own)
            firedAtMs.push(clock.now())
            const cancel = cancels[given.cancels]
            if (cancel !== undefined && !fired.has(given.cancels)) cancelled.add(given.cancels)
            cancel?.()
            set()
            set()
          }, given.delayMs)
        }
        set()
        await clock.runUntil(40 * 50)
        expect(firedAtMs).toEqual(firedAtMs.toSorted((left, right) => left - right))
        expect(clock.pendingTimers).toBe(0)
        expect(fired.size + cancelled.size).toBe(Math.min(next, steps.length))
      }),
      { seed: 20_240_607, numRuns: 300 },
    )
  })

  it('lets every promise settle before time goes on, however long the chain', async () => {
    const clock = new SimulationClock()
    const order: string[] = []
    clock.setTimeout(() => {
      void (async () => {
        for (let link = 0; link < 10_000; link++) await Promise.resolve()
        order.push('settled')
      })()
    }, 1)
    clock.setTimeout(() => order.push('next instant'), 1.000_001)
    await clock.runUntil(clock.now() + 2)
    expect(order).toEqual(['settled', 'next instant'])
  })

  it('fires what is set for the same instant after promises have settled', async () => {
    const clock = new SimulationClock()
    const order: string[] = []
    clock.setTimeout(() => {
      clock.setTimeout(() => order.push('set meanwhile'), 0)
      void Promise.resolve().then(() => order.push('settled'))
    }, 5)
    clock.setTimeout(() => order.push('second'), 5)
    await clock.runUntil(clock.now() + 5)
    expect(order).toEqual(['second', 'settled', 'set meanwhile'])
  })

  it('stops at the end it was given, fires what falls due exactly then, and goes on from there', async () => {
    const clock = new SimulationClock(100)
    const firedAtMs: number[] = []
    for (const delayMs of [10, 20, 30]) clock.setTimeout(() => firedAtMs.push(clock.now()), delayMs)
    await clock.runUntil(120)
    expect(clock.now()).toBe(120)
    expect(firedAtMs).toEqual([110, 120])
    await clock.runUntil(50)
    expect(clock.now()).toBe(120)
    await clock.runUntil(1_000)
    expect(firedAtMs).toEqual([110, 120, 130])
  })

  it('takes a delay below zero as none', async () => {
    const clock = new SimulationClock(7)
    let firedAtMs = 0
    clock.setTimeout(() => {
      firedAtMs = clock.now()
    }, -5)
    await clock.runUntil(7)
    expect(firedAtMs).toBe(7)
  })

  it('rejects with what a timer throws', async () => {
    const clock = new SimulationClock()
    clock.setTimeout(() => {
      throw new RangeError('broken')
    }, 1)
    await expect(clock.runUntil(clock.now() + 1)).rejects.toThrow(RangeError)
  })
})
