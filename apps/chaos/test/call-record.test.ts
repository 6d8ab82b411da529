import { type LoadBalancerEvent, parseInstance } from '@lb/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CallRecord } from '../src/call-record.ts'

const service = 'user-service'
const a = parseInstance({ id: 'a', host: '127.0.0.1', port: 20_001 })
const b = parseInstance({ id: 'b', host: '127.0.0.1', port: 20_002 })

/** An event as listeners get it. */
function emitted(fields: Omit<LoadBalancerEvent, 'level' | 'toJSON'> & Record<string, unknown>): LoadBalancerEvent {
  return { call: 1, level: 'info', toJSON: () => fields, ...fields } as LoadBalancerEvent
}

function finished(latencyMs: number): LoadBalancerEvent {
  return emitted({ type: 'request-finished', service, call: 1, instance: a, outcome: { ok: true, latencyMs } })
}

function ejected(forMs: number, enforced = true): LoadBalancerEvent {
  return emitted({
    type: 'instance-ejected',
    service,
    instance: b,
    reason: 'no-answer',
    detail: '',
    enforced,
    forMs,
    times: 1,
  })
}

describe('CallRecord', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('counts requests and attempts in the phase they began in', () => {
    const record = new CallRecord(['a', 'b'])
    vi.advanceTimersByTime(1_000)
    const over = record.request()
    record.enter('fault')
    vi.advanceTimersByTime(500)
    record.request()()
    record.onEvent(finished(600))
    record.onEvent(finished(400))
    over('ECONNABORTED')
    expect(record.figures('warm-up')).toEqual({
      requests: 1,
      failed: 1,
      attempts: 1,
      p50Ms: 500,
      p99Ms: 500,
      waits: { count: 1, medianMs: 500, slowestMs: 500 },
    })
    expect(record.figures('fault')).toEqual({
      requests: 1,
      failed: 0,
      attempts: 1,
      p50Ms: 0,
      p99Ms: 0,
      waits: { count: 0, medianMs: 0, slowestMs: 0 },
    })
    expect(record.requests).toBe(2)
    expect(record.failed).toBe(1)
    expect(record.slowestFailureMs).toBe(500)
    expect(record.errors).toEqual({ ECONNABORTED: 1 })
  })

  it('knows when the last enforced ejection is over, counted from the end of the fault', () => {
    const record = new CallRecord(['a', 'b'])
    record.enter('fault')
    vi.advanceTimersByTime(1_000)
    record.onEvent(ejected(30_000))
    vi.advanceTimersByTime(1_000)
    record.onEvent(ejected(0, false))
    vi.advanceTimersByTime(3_000)
    record.enter('after')
    expect(record.faultMs).toBe(5_000)
    expect(record.ejectionOverAfterMs(1)).toBe(26_000)
    expect(record.ejectionOverAfterMs(0)).toBe(0)
    vi.advanceTimersByTime(26_000)
    record.onEvent(emitted({ type: 'instance-returned', service, instance: b, by: 'probe' }))
    expect(record.ejections).toMatchObject([{ afterMs: 1_000, returnedAfterMs: 31_000 }, { enforced: false }])
  })

  it('takes traffic after the first ejection for a new try', () => {
    const record = new CallRecord(['a', 'b'])
    record.enter('fault')
    const fail = (): void => {
      record.onEvent(emitted({ type: 'request-finished', service, instance: b, outcome: { ok: false, latencyMs: 0 } }))
    }
    for (let now = 0; now < 40_000; now += 20) {
      // 5 instances at 500/s: this one is ejected from 0.2 s to 30.2 s, and soon again.
      if (now < 200 || (now >= 30_200 && now < 31_000)) fail()
      if (now === 200) record.onEvent(ejected(30_000))
      for (let other = 0; other < 8; other++) record.onEvent(finished(0))
      vi.advanceTimersByTime(20)
    }
    record.enter('after')
    expect(record.firstEjection(1)?.afterMs).toBe(200)
    expect(record.awayAfterMs(1)).toBe(200)
    expect(record.awayAfterMs(0)).toBeUndefined()
  })

  it('waits for an ejection that comes after the fault', () => {
    const record = new CallRecord(['a', 'b'])
    record.enter('fault')
    vi.advanceTimersByTime(1_000)
    record.enter('after')
    const start = performance.now()
    const answer = (instance: typeof a): void => {
      record.onEvent(emitted({ type: 'request-finished', service, instance, outcome: { ok: true, latencyMs: 0 } }))
    }
    for (let now = 0; now < 10_000; now += 10) {
      if (now === 2_000) record.onEvent(ejected(3_000))
      answer(a)
      if (now < 2_000 || now >= 5_000) answer(b)
      vi.advanceTimersByTime(10)
    }
    expect(record.backAfterMs(0, performance.now())).toBe(0)
    // Three quarters of the share within 500 ms are enough, so it may be told 200 ms early, in steps of 100 ms.
    expect(record.backAfterMs(1, performance.now())).toBeGreaterThanOrEqual(4_700)
    expect(record.backAfterMs(1, performance.now())).toBeLessThanOrEqual(5_000)
    expect(record.backAfterMs(1, start + 4_000)).toBeUndefined()
  })

  it('counts what is told of the discovery', () => {
    const record = new CallRecord(['a', 'b'])
    record.onEvent(emitted({ type: 'empty-list-held', service }))
    record.onEvent(emitted({ type: 'empty-list-held', service }))
    expect(record.discoveryEvents).toEqual({ 'empty-list-held': 2 })
  })
})
