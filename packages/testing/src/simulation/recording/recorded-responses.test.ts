import { describe, expect, it } from 'vitest'
import { exponential } from '../latency-profile.ts'
import { randomTree } from '../random-tree.ts'
import { RecordedResponses, type TimedResponse, withoutQueueing } from './recorded-responses.ts'

function responses(...given: readonly [atMs: number, ms: number][]): TimedResponse[] {
  return given.map(([atMs, ms]) => ({ atMs, ms, inFlightMs: ms, reply: 200 }))
}

describe('recorded responses', () => {
  it('are those of about the same time', () => {
    const recorded = new RecordedResponses(
      responses(...Array.from({ length: 200 }, (_, at): [number, number] => [at, at])),
    )
    expect([50, 150].map((atMs) => recorded.next(atMs).ms)).toEqual([50, 150])
    // Nearest first, and the earlier of two.
    expect([50, 50, 50].map((atMs) => recorded.next(atMs).ms)).toEqual([49, 51, 48])
    expect([recorded.next(-100).ms, recorded.next(1_000).ms]).toEqual([0, 199])
  })

  it('are each used once before any is used twice, so that a rare one stays rare', () => {
    const recorded = new RecordedResponses(responses([1, 5], [2, 6], [3, 900], [4, 7]))
    const used = Array.from({ length: 8 }, () => recorded.next(2).ms)
    const each = new Set([5, 6, 7, 900])
    expect([new Set(used.slice(0, 4)), new Set(used.slice(4))]).toEqual([each, each])
  })

  it.each([1, 2, 4])('%i at a time: the service times that made the waits are found again, exactly', (concurrency) => {
    const random = randomTree(concurrency)('queue')
    const served: number[] = []
    const freeAtMs = Array.from({ length: concurrency }, () => 0)
    let atMs = 0
    const recorded = Array.from({ length: 500 }, (): TimedResponse => {
      atMs += (12 / concurrency) * exponential(random)
      const serviceMs = 10 * exponential(random)
      const place = freeAtMs.indexOf(Math.min(...freeAtMs))
      const overMs = Math.max(atMs, freeAtMs[place] ?? 0) + serviceMs
      freeAtMs[place] = overMs
      served.push(serviceMs)
      return { atMs, ms: overMs - atMs, inFlightMs: overMs - atMs, reply: 200 }
    })
    expect(recorded.filter(({ ms }, index) => ms > (served[index] ?? 0) + 1e-6).length).toBeGreaterThan(100)
    for (const [index, { inFlightMs, ms }] of withoutQueueing(recorded, concurrency).entries()) {
      expect(ms).toBeCloseTo(served[index] ?? 0, 6)
      expect(inFlightMs).toBeCloseTo(ms, 6)
    }
  })

  it('are found for as many as ever wait at once', () => {
    // Each ends 1 ms after the one before it.
    const waiting = responses(
      ...Array.from({ length: 100_000 }, (_, at): [number, number] => [at / 1_000, at + 1 - at / 1_000]),
    )
    const served = withoutQueueing(waiting, 1)
    expect(served.every(({ ms }) => Math.abs(ms - 1) < 1e-6)).toBe(true)
  })

  it('that came too early for so few at a time count as served at once', () => {
    expect(withoutQueueing(responses([0, 100], [10, 5]), 1)).toEqual(responses([0, 100], [10, 5]))
  })
})
