import { describe, expect, it } from 'vitest'
import type { FaultFigures } from '../src/fault-result.ts'
import { faults } from '../src/faults.ts'
import { promisesOf } from '../src/promises.ts'
import { faultNamed, figures } from './figures.ts'

function broken(name: string, changes: Partial<FaultFigures>): readonly string[] {
  return promisesOf(faultNamed(name), figures(changes))
    .filter(({ kept }) => !kept)
    .map(({ text }) => text)
}

function made(name: string, changes: Partial<FaultFigures> = {}): readonly string[] {
  return promisesOf(faultNamed(name), figures(changes)).map(({ text }) => text)
}

const noFailure = 'no idempotent request fails'
const noPostFails = 'no request fails, POSTs included'
const noneStopped = 'no request goes to an instance that has stopped'
const away = 'traffic moves away within 1000 ms'
const awayWhenEjected = 'traffic moves away within 1000 ms of the ejection'
const back = 'it has its share again within its ejection and one probe'
const shortWaits = 'half of those that wait do so for 1000 ms at most, and none longer than 2000'
const othersKept = 'no other instance is ejected'
const flat = 'the heap stays flat within ± 10 %'
const bounded = 'at most 1.25 attempts a request'
const inTime = 'every error comes within 2000 ms (+ 250)'

describe('promisesOf', () => {
  it('asks of each fault what it can be held to', () => {
    expect(made('sigkill')).toEqual([noFailure, away, back])
    expect(made('sigstop')).toEqual([noFailure, away, back, flat])
    expect(made('sigstop-callers')).toEqual([noFailure, shortWaits, othersKept, back])
    expect(made('sigstop-burst')).toEqual([noFailure, shortWaits, othersKept, back])
    expect(made('slow')).toEqual([noFailure, back])
    expect(made('close-reused')).toEqual([noFailure, back])
    expect(made('close-reused', { firstEjectionMs: 7_400 })).toEqual([noFailure, back])
    expect(made('close-reused', { firstEjectionMs: 200 })).toEqual([noFailure, awayWhenEjected, back])
    expect(made('rolling-deploy')).toEqual([noPostFails, noneStopped, back])
    expect(made('all-down')).toEqual([bounded, inTime, back])
    expect(made('discovery-failing')).toEqual([noFailure, 'an event tells it: discovery-failed'])
    expect(made('discovery-empty-once')).toEqual([noFailure, 'an event tells it: empty-list-held'])
  })

  it('is broken by one failed request', () => {
    expect(broken('sigkill', { failed: 1, errors: { ECONNRESET: 1 } })).toEqual([noFailure])
  })

  it('is broken by one request that had to be repeated in a rolling deploy', () => {
    expect(broken('rolling-deploy', { failedAttempts: 1 })).toEqual([noneStopped])
    expect(broken('rolling-restart', { failedAttempts: 1 })).toEqual([])
  })

  it('is broken by callers that wait for long, half of them or one', () => {
    const waiting = (medianMs: number, slowestMs: number): Partial<FaultFigures> => {
      const { during } = figures()
      return { during: { ...during, waits: { count: 9, medianMs, slowestMs } } }
    }
    expect(broken('sigstop-callers', waiting(1_000, 2_000))).toEqual([])
    expect(broken('sigstop-callers', waiting(1_001, 1_500))).toEqual([shortWaits])
    expect(broken('sigstop-burst', waiting(600, 2_001))).toEqual([shortWaits])
  })

  it('is broken by an ejection of another instance than the one that was struck', () => {
    const ejection = { reason: 'no-answer', enforced: true, forMs: 30_000, afterMs: 700 }
    expect(broken('sigstop-callers', { ejections: [{ ...ejection, instance: 'b' }] })).toEqual([])
    expect(broken('sigstop-callers', { ejections: [{ ...ejection, instance: 'c' }] })).toEqual([othersKept])
    expect(broken('sigstop-callers', { ejections: [{ ...ejection, instance: 'c', enforced: false }] })).toEqual([])
  })

  it('is broken by traffic that leaves late or never', () => {
    expect(broken('sigkill', { awayMs: 1_000 })).toEqual([])
    expect(broken('sigkill', { awayMs: 1_100 })).toEqual([away])
    const { awayMs: _, ...goingOn } = figures()
    expect(promisesOf(faultNamed('sigkill'), goingOn)[1]).toMatchObject({ kept: false, evidence: 'it went on' })
  })

  it('counts from the ejection for an instance that still answers now and then', () => {
    expect(broken('close-reused', { firstEjectionMs: 3_800, awayMs: 4_800 })).toEqual([])
    expect(broken('close-reused', { firstEjectionMs: 3_800, awayMs: 4_900 })).toEqual([awayWhenEjected])
  })

  it('is broken by a return later than one probe after the ejection, or none', () => {
    expect(broken('slow', { backMs: 25_800 })).toEqual([])
    expect(broken('slow', { backMs: 25_900 })).toEqual([back])
    const { backMs: _, ...gone } = figures()
    expect(promisesOf(faultNamed('slow'), gone)[1]).toMatchObject({ text: back, kept: false })
  })

  it('bounds what an outage costs', () => {
    const waits = { count: 0, medianMs: 0, slowestMs: 0 }
    const during = { requests: 4_000, failed: 4_000, attempts: 5_000, p50Ms: 1, p99Ms: 60, waits }
    expect(broken('all-down', { during, slowestFailureMs: 2_250, failed: 4_000 })).toEqual([])
    expect(broken('all-down', { during: { ...during, attempts: 5_001 }, slowestFailureMs: 2_251 })).toEqual([
      bounded,
      inTime,
    ])
  })

  it('is broken by a fault of the discovery that passed unnoticed', () => {
    expect(broken('discovery-failing', { discoveryEvents: { 'discovery-failed': 2 } })).toEqual([])
    expect(broken('discovery-failing', {})).toEqual(['an event tells it: discovery-failed'])
  })

  it('is broken by a heap that grows, and by one that was not watched', () => {
    expect(broken('sigstop', { heap: [100, 109, 91] })).toEqual([])
    expect(broken('sigstop', { heap: [100, 111] })).toEqual([flat])
    expect(broken('sigstop', { heap: [100] })).toEqual([flat])
  })
})

describe('the bound of an outage', () => {
  const outage = faultNamed('all-down')

  it.each(outage.durationMs)('holds by arithmetic for %i ms', (durationMs) => {
    // A second may pass until all have been started again: more requests, which allow for more.
    for (const lengthMs of [durationMs, durationMs + 999]) {
      const requests = 0.5 * lengthMs
      const warmUp = 2.5 * (outage.warmUpRate ?? Number.NaN)
      const retries = 0.2 * (requests + warmUp) + 100
      expect(1 + retries / requests).toBeLessThanOrEqual(1.25)
    }
  })

  it('is the only fault in which requests may fail', () => {
    expect(faults.filter(({ outage }) => outage).map(({ name }) => name)).toEqual(['all-down'])
  })
})
