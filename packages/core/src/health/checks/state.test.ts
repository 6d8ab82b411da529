import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type HealthState, isStablyHealthy, nextHealth, unknownHealth } from './state.ts'
import type { ProbeVerdict } from './verdict.ts'

const thresholds = { healthyThreshold: 2, unhealthyThreshold: 3 }
const passed: ProbeVerdict = { healthy: true, reason: 'answered 200', immediate: false }
const failed: ProbeVerdict = { healthy: false, reason: 'answered 503', immediate: false }
const leaving: ProbeVerdict = { healthy: false, reason: 'leaving', immediate: true }

/** The states after each verdict, a second apart. */
function after(...verdicts: readonly ProbeVerdict[]): HealthState[] {
  let state = unknownHealth(0)
  return verdicts.map((verdict, index) => {
    state = nextHealth(state, verdict, thresholds, (index + 1) * 1_000)
    return state
  })
}

const statuses = (...verdicts: readonly ProbeVerdict[]): string =>
  after(...verdicts)
    .map(({ status }) => status)
    .join()

describe('the health of an instance', () => {
  it('is unknown before the first probe', () => {
    expect(unknownHealth(7)).toEqual({
      status: 'unknown',
      sinceMs: 7,
      reason: 'not probed yet',
      checks: 0,
      consecutiveFailures: 0,
      consecutiveSuccesses: 0,
    })
  })

  it('is decided by the first verdict', () => {
    expect(statuses(passed)).toBe('healthy')
    expect(statuses(failed)).toBe('unhealthy')
    expect(statuses(leaving)).toBe('unhealthy')
  })

  it('falls after three failures in a row, and comes back after two successes', () => {
    expect(statuses(passed, failed, failed, failed, passed, passed)).toBe(
      'healthy,healthy,healthy,unhealthy,unhealthy,healthy',
    )
  })

  it('is not changed by flapping below the thresholds', () => {
    expect(statuses(passed, failed, failed, passed, failed, failed, passed)).not.toContain('unhealthy')
    expect(statuses(failed, passed, failed, passed, failed, passed)).toBe(Array(6).fill('unhealthy').join())
  })

  it('falls at once when the instance says that it goes, and comes back by the threshold', () => {
    expect(statuses(passed, leaving, passed, passed)).toBe('healthy,unhealthy,unhealthy,healthy')
  })

  it('keeps the time and the reason of its status, with the newest that agrees', () => {
    const [first, second, third, fourth, fifth] = after(passed, failed, failed, failed, leaving)
    expect(first).toMatchObject({ sinceMs: 1_000, reason: 'answered 200' })
    expect(second).toMatchObject({ sinceMs: 1_000, reason: 'answered 200', consecutiveFailures: 1 })
    expect(third).toMatchObject({ consecutiveFailures: 2, consecutiveSuccesses: 0, checks: 3 })
    expect(fourth).toMatchObject({ sinceMs: 4_000, reason: 'answered 503', consecutiveFailures: 3 })
    expect(fifth).toMatchObject({ sinceMs: 4_000, reason: 'leaving', checks: 5 })
  })

  it('is stable when it is good and the last probe passed', () => {
    expect(isStablyHealthy(unknownHealth(0))).toBe(false)
    expect(after(passed, failed, passed, failed, failed, failed, passed, passed).map(isStablyHealthy)).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
      false,
      true,
    ])
  })

  it('agrees with a look at all verdicts so far, whatever their order and the thresholds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(passed, failed, leaving), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (verdicts, healthyThreshold, unhealthyThreshold) => {
          let state = unknownHealth(0)
          let status = 'unknown'
          for (const [index, verdict] of verdicts.entries()) {
            state = nextHealth(state, verdict, { healthyThreshold, unhealthyThreshold }, index)
            const past = verdicts.slice(0, index + 1)
            const lastAre = (healthy: boolean, count: number): boolean =>
              past.length >= count && past.slice(-count).every((one) => one.healthy === healthy)
            if (index === 0) status = verdict.healthy ? 'healthy' : 'unhealthy'
            else if (lastAre(true, healthyThreshold)) status = 'healthy'
            else if (verdict.immediate || lastAre(false, unhealthyThreshold)) status = 'unhealthy'
            expect(state.status).toBe(status)
            expect(state.checks).toBe(past.length)
            expect(state.consecutiveFailures).toBe(past.length - 1 - past.findLastIndex((one) => one.healthy))
            expect(state.consecutiveSuccesses).toBe(past.length - 1 - past.findLastIndex((one) => !one.healthy))
          }
        },
      ),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })
})
