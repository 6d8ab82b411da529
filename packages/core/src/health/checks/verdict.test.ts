import { describe, expect, it } from 'vitest'
import { verdictOfError, verdictOfResult, verdictOfTimeout } from './verdict.ts'

describe('the verdict of a probe', () => {
  it('is what a boolean says', () => {
    expect(verdictOfResult(true)).toEqual({ healthy: true, reason: 'the probe passed', immediate: false })
    expect(verdictOfResult(false)).toEqual({ healthy: false, reason: 'the probe failed', immediate: false })
  })

  it('is what a result says', () => {
    const failed = { healthy: false, reason: 'going', immediate: true }
    expect(verdictOfResult(failed)).toEqual(failed)
    expect(verdictOfResult({ healthy: true, reason: 'fine' })).toMatchObject({ healthy: true, reason: 'fine' })
    expect(verdictOfResult({ healthy: false })).toMatchObject({ reason: 'the probe failed', immediate: false })
  })

  it('takes no success for immediate, and no field of the wrong type', () => {
    expect(verdictOfResult({ healthy: true, immediate: true }).immediate).toBe(false)
    expect(verdictOfResult({ healthy: false, immediate: 1, reason: 5 })).toEqual(verdictOfResult(false))
  })

  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    ['ok', '"ok"'],
    [200, '200'],
    [{ status: 200 }, 'an object'],
    [{ healthy: 'yes' }, 'an object'],
    [[true], 'an array of 1'],
    [() => true, 'a function'],
    [Symbol('up'), 'Symbol(up)'],
  ])('is a failure that says so when the probe gave %s', (result, shown) => {
    expect(verdictOfResult(result)).toEqual({
      healthy: false,
      reason: `the probe gave ${shown}, neither a boolean nor an object with a boolean healthy`,
      immediate: false,
    })
  })

  it('names the time limit', () => {
    expect(verdictOfTimeout(2_000)).toMatchObject({ healthy: false, reason: 'no answer within 2000 ms' })
  })

  it.each<[string, unknown, string]>([
    ['an error', new Error('connect ECONNREFUSED 10.0.0.1:80'), 'connect ECONNREFUSED 10.0.0.1:80'],
    ['an error with a cause', new Error('database down', { cause: new Error('inner') }), 'database down'],
    ['a failure of several addresses', new AggregateError([new Error('connect A'), new Error('B')]), 'connect A'],
    ['an error with a code only', Object.assign(new Error(), { code: 'ECONNRESET' }), 'ECONNRESET'],
    ['an error with nothing to say', new Error(), 'the probe failed'],
    ['a string', 'down', 'down'],
    ['nothing', undefined, 'undefined'],
    ['several lines', new Error('a\n\tb\u0000\u001B[31m  c '), 'a b [31m c'],
    ['an empty aggregate', new AggregateError([]), 'the probe failed'],
    ['an aggregate of nothing', new AggregateError([undefined]), 'the probe failed'],
  ])('is a failure with a reason when the probe threw %s', (_name, cause, reason) => {
    expect(verdictOfError(cause)).toEqual({ healthy: false, reason, immediate: false })
  })

  it('survives what cannot be looked at', () => {
    const hostile = {
      get message(): string {
        throw new Error('no')
      },
    }
    for (const cause of [hostile, Object.create(null)]) {
      expect(verdictOfError(cause)).toEqual(verdictOfResult(false))
    }
  })

  it('has a reason of bounded length', () => {
    for (const verdict of [
      verdictOfError(new Error('x'.repeat(100_000))),
      verdictOfResult({ healthy: true, reason: 'x'.repeat(100_000) }),
      verdictOfResult('x'.repeat(100_000)),
    ]) {
      expect(verdict.reason.length).toBeLessThanOrEqual(200)
    }
    expect(verdictOfError('x'.repeat(201)).reason).toBe(`${'x'.repeat(199)}…`)
    expect(verdictOfError('x'.repeat(200)).reason).toBe('x'.repeat(200))
  })
})
