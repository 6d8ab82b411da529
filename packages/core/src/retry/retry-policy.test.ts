import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { objectOption } from '../base/option-table.ts'
import { type RetryOptions, retryPolicy, retryPolicyOfCall, retryTable } from './retry-policy.ts'

describe('retryPolicy', () => {
  it('has the documented defaults', () => {
    expect(retryPolicy(undefined)).toEqual({
      maxRetries: 2,
      budget: {},
      backoffBaseMs: 25,
      backoffMaxMs: 250,
      attemptTimeoutMs: Number.POSITIVE_INFINITY,
      retryAfterMaxMs: 5_000,
      secondTryAfterMs: 500,
      statusCodes: new Set([500, 502, 503, 504]),
    })
  })

  it('overrides its base field by field', () => {
    const base = retryPolicy({ maxRetries: 5, backoffBaseMs: 1, statusCodes: [429] })
    expect(retryPolicy({ maxRetries: 0, backoffMaxMs: 9 }, base)).toEqual({
      ...base,
      maxRetries: 0,
      backoffMaxMs: 9,
    })
    expect(retryPolicy({ statusCodes: [] }, base).statusCodes).toEqual(new Set())
    expect(retryPolicy({ budget: false }, base).budget).toBe(false)
  })

  it('is its base when nothing is given', () => {
    const base = retryPolicy({ maxRetries: 5 })
    expect(retryPolicy(undefined, base)).toBe(base)
    expect(retryPolicy({}, base)).toEqual(base)
  })

  it('makes no retry when it is false, and can be switched on again on top', () => {
    const off = retryPolicy(false, retryPolicy({ maxRetries: 5, attemptTimeoutMs: 7 }))
    expect(off).toMatchObject({ maxRetries: 0, attemptTimeoutMs: 7 })
    expect(retryPolicy({ maxRetries: 1 }, off).maxRetries).toBe(1)
  })

  it('does not follow later changes of the statuses', () => {
    const statusCodes = [503]
    const policy = retryPolicy({ statusCodes })
    statusCodes.push(404)
    expect(policy.statusCodes.has(404)).toBe(false)
  })
})

describe('retryTable', () => {
  const { check: checkRetry } = objectOption<RetryOptions>(retryTable, {})

  it('passes false, nothing and everything', () => {
    checkRetry('retry', false)
    checkRetry('retry', {})
    checkRetry('retry', {
      maxRetries: 100,
      attemptTimeoutMs: Number.POSITIVE_INFINITY,
      secondTryAfterMs: 500,
      statusCodes: [100, 599],
    })
  })

  it.each([
    ['maxRetries', 101, 'an integer in [0, 100], got 101 (number)'],
    ['maxRetries', Number.POSITIVE_INFINITY, 'an integer in [0, 100], got Infinity (number)'],
    ['retryAfterMaxMs', -1, 'a number of milliseconds in [0, 2147483647], got -1 (number)'],
    ['attemptTimeoutMs', Number.NaN, 'a number of milliseconds in [1, 2147483647], or Infinity, got NaN (number)'],
    ['statusCodes', '503', 'an array of HTTP statuses, got "503" (string)'],
    ['statusCodes', null, 'an array of HTTP statuses, got null (object)'],
  ])('refuses %s %j', (name, value, rest) => {
    const check = (): void => checkRetry('retry', { [name]: value })
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(
      expect.objectContaining({ option: `retry.${name}`, message: `retry.${name} must be ${rest}` }),
    )
  })

  it.each([99, 600, 500.5, '500', undefined, null])('refuses the status %j, naming its place', (status) => {
    const options = { statusCodes: [503, status] }
    expect(() => checkRetry('retry', options)).toThrow(
      expect.objectContaining({
        option: 'retry.statusCodes[1]',
        message: expect.stringContaining('must be an integer in [100, 599]'),
      }),
    )
  })
})

describe('retryPolicyOfCall', () => {
  const base = retryPolicy({ maxRetries: 5 })

  it('keeps the policy of options that are frozen, for each base', () => {
    const options = Object.freeze({ backoffBaseMs: 1 })
    const policy = retryPolicyOfCall(options, base)
    expect(policy).toEqual({ ...base, backoffBaseMs: 1 })
    expect(retryPolicyOfCall(options, base)).toBe(policy)
    expect(retryPolicyOfCall(options, retryPolicy({ maxRetries: 1 }))).toMatchObject({
      maxRetries: 1,
      backoffBaseMs: 1,
    })
    expect(retryPolicyOfCall(Object.freeze({}), base)).toEqual(base)
  })

  it('sees what has changed in others', () => {
    const options = { maxRetries: 1 }
    expect(retryPolicyOfCall(options, base).maxRetries).toBe(1)
    options.maxRetries = 3
    expect(retryPolicyOfCall(options, base).maxRetries).toBe(3)
    expect(retryPolicyOfCall(false, base)).toEqual({ ...base, maxRetries: 0 })
  })
})
