import { describe, expect, it } from 'vitest'
import { RequestLoad } from './request-load.ts'

describe('RequestLoad', () => {
  it('gives the latency at the nearest number of requests in flight', () => {
    const load = new RequestLoad()
    expect(load.latencyMs(0)).toBeUndefined()
    const levels = [load.started(), load.started(), load.started()]
    expect(load.inFlight).toBe(3)
    for (const level of levels.toReversed()) load.finished(level, 100 * (level + 1), 1)
    expect(load.latencyMs(2)).toBe(100)
    load.started()
    load.started()
    expect(load.latencyMs(2)).toBe(300)
    for (let request = 0; request < 1_000; request++) load.started()
    expect(load.latencyMs(2)).toBe(300)
  })

  it('moves with the last responses, and forgets those of before when there are newer ones', () => {
    const load = new RequestLoad()
    load.finished(load.started(), 80, 0)
    load.finished(load.started(), 160, 1)
    expect(load.latencyMs(2)).toBe(90)
    expect(load.latencyMs(60_000)).toBe(90)
    load.finished(load.started(), 10, 60_000)
    expect(load.latencyMs(60_000)).toBe(10)
  })

  it('counts a request that was dropped no longer', () => {
    const load = new RequestLoad()
    load.started()
    load.dropped()
    expect(load.inFlight).toBe(0)
    expect(load.latencyMs(0)).toBeUndefined()
  })
})
