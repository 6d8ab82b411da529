import { FakeClock, instance, seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { HealthChecker } from '../health/checks/checker.ts'
import { HealthCheckers } from './health-checkers.ts'

const probe = (): boolean => true
const ignore = (): void => {}

function checkers(
  base: ConstructorParameters<typeof HealthCheckers>[0],
  clock: FakeClock = new FakeClock(),
): HealthCheckers {
  return new HealthCheckers(base, { clock, random: seededRandom(1) })
}

describe('HealthCheckers', () => {
  it('gives none by default, and none to a service that wants none', () => {
    expect(checkers(undefined).for({})).toBeUndefined()
    expect(checkers(false).for({})).toBeUndefined()
    expect(checkers({ probe }).for({ healthCheck: false })).toBeUndefined()
  })

  it('gives the same one to all services without options of their own', () => {
    const some = checkers({ probe, keepRemovedMs: 7 })
    const first = some.for({})
    expect(first).toBeInstanceOf(HealthChecker)
    expect(first?.keepRemovedMs).toBe(7)
    expect(some.for({ timeoutMs: 5 })).toBe(first)
  })

  it('gives a service with options of its own one of its own, on top of the common ones, and always the same', () => {
    const some = checkers({ probe, keepRemovedMs: 7, intervalMs: 1_000 })
    const own = { intervalMs: 500 }
    const given = some.for({ healthCheck: own })
    expect(given).not.toBe(some.for({}))
    expect(given?.keepRemovedMs).toBe(7)
    expect(some.for({ healthCheck: own })).toBe(given)
    expect(some.for({ healthCheck: { probe, keepRemovedMs: 9 } })?.keepRemovedMs).toBe(9)
  })

  it('gives a service checks of its own where there are none for all', () => {
    expect(checkers(false).for({ healthCheck: { probe } })).toBeInstanceOf(HealthChecker)
    const given = new HealthChecker({ probe, keepRemovedMs: 7 })
    // The options of a checker that was given are not known, so nothing is inherited.
    expect(checkers(given).for({ healthCheck: { probe } })?.keepRemovedMs).toBe(0)
  })

  it('passes on a checker that was given, and does not close it', async () => {
    const clock = new FakeClock()
    const given = new HealthChecker({ probe, clock })
    const some = checkers(given)
    expect(some.for({})).toBe(given)
    expect(some.for({ healthCheck: given })).toBe(given)
    const subscription = given.watch(instance('a'), ignore)
    some.close()
    await clock.advance(2_000)
    expect(subscription.state.status).toBe('healthy')
    given.close()
  })

  it('closes those it made', () => {
    const clock = new FakeClock()
    const some = checkers({ probe }, clock)
    some.for({})?.watch(instance('a'), ignore)
    some.for({ healthCheck: { intervalMs: 500 } })?.watch(instance('a'), ignore)
    expect(clock.pendingTimers).toBe(2)
    some.close()
    expect(clock.pendingTimers).toBe(0)
  })
})
