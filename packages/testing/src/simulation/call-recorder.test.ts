import { describe, expect, it } from 'vitest'
import { CallRecorder } from './call-recorder.ts'

describe('CallRecorder', () => {
  it('gives percentiles by nearest rank over more latencies than it first had room for', () => {
    const recorder = new CallRecorder()
    for (let latencyMs = 5_000; latencyMs >= 1; latencyMs--) recorder.ended(0, latencyMs)
    expect(recorder.percentilesMs([0, 0.5, 0.99, 0.999, 1])).toEqual([1, 2_500, 4_950, 4_995, 5_000])
  })

  it('knows no percentile without a success', () => {
    expect(new CallRecorder().percentilesMs([0.5])).toEqual([Number.NaN])
  })

  it('counts a call for the second in which it began', () => {
    const recorder = new CallRecorder()
    for (const elapsedMs of [0, 999, 3_000]) recorder.began(elapsedMs)
    recorder.ended(999, 5_000)
    expect(recorder.seconds).toEqual([
      { calls: 2, succeeded: 1 },
      { calls: 0, succeeded: 0 },
      { calls: 0, succeeded: 0 },
      { calls: 1, succeeded: 0 },
    ])
  })

  it('counts failures by reason', () => {
    const recorder = new CallRecorder()
    for (const reason of ['b', 'a', 'b']) recorder.failed(reason)
    expect(Object.entries(recorder.failures)).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })
})
