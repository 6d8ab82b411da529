import { FakeClock, instances } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { DeadlineExceededError } from '../base/errors.ts'
import { Looks } from '../health/outliers/looks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import { type MovableAttempt, MovableAttempts } from './movable-attempts.ts'

const [one, other] = instances(2) as [ServiceInstance, ServiceInstance]

function attemptOn(instance = one) {
  return {
    instance,
    halfTimeMs: Number.POSITIVE_INFINITY,
    secondTryAfterMs: 500,
    besideId: undefined,
    canMove: true,
    isAccompanied: false,
    trySecond: () => false,
    moveOn: vi.fn<MovableAttempt['moveOn']>(),
    cancel: () => {},
    movablePlace: -1,
    startedAtLook: 0,
  }
}

function newAttempts(): MovableAttempts {
  return new MovableAttempts('users', new Looks(new FakeClock(), 125))
}

describe('MovableAttempts', () => {
  it('holds those that were added and not taken out again, as a set would', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (taken) => {
        const all = Array.from({ length: 10 }, () => attemptOn())
        const expected = new Set<MovableAttempt>()
        const found = newAttempts()
        for (const [isStart, index] of taken) {
          const attempt = all[index] as MovableAttempt
          if (isStart === expected.has(attempt)) continue
          if (isStart) {
            found.add(attempt)
            expected.add(attempt)
          } else {
            found.delete(attempt)
            expected.delete(attempt)
          }
          expect(found.size).toBe(expected.size)
        }
        found.leave(one, 500)
        for (const attempt of all) expect(attempt.moveOn).toHaveBeenCalledTimes(expected.has(attempt) ? 1 : 0)
      }),
      { seed: 20_240_607 },
    )
  })

  it('leaves alone one that is taken out twice, or was never in', () => {
    const attempts = newAttempts()
    const [first, second, stranger] = [attemptOn(), attemptOn(), attemptOn()]
    attempts.add(first)
    attempts.add(second)
    attempts.delete(first)
    attempts.delete(first)
    attempts.delete(stranger)
    expect(attempts.size).toBe(1)
  })

  it('tells only those on the silent instance, each of them, although they leave while it tells', () => {
    const attempts = newAttempts()
    const waiting = Array.from({ length: 5 }, () => attemptOn())
    const elsewhere = attemptOn(other)
    for (const attempt of [...waiting, elsewhere]) {
      attempts.add(attempt)
      attempt.moveOn.mockImplementation(() => attempts.delete(attempt))
    }
    attempts.leave(one, 612.4)
    for (const { moveOn } of waiting) expect(moveOn).toHaveBeenCalledTimes(1)
    const [error] = waiting.flatMap(({ moveOn }) => moveOn.mock.calls.flat())
    expect(error).toBeInstanceOf(DeadlineExceededError)
    expect(error?.message).toContain('612 ms')
    expect(elsewhere.moveOn).not.toHaveBeenCalled()
    expect(attempts.size).toBe(1)
  })
})
