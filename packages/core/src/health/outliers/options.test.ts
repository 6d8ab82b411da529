import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../base/errors.ts'
import { checkOptions } from '../../base/option-table.ts'
import { type OutlierDetectionOptions, outlierDetectionSettings, outlierDetectionTable } from './options.ts'

describe('the options of outlier detection', () => {
  it('have the documented defaults', () => {
    expect(outlierDetectionSettings({})).toEqual({
      consecutiveConnectErrors: 5,
      consecutiveServerErrors: 5,
      failurePercentage: { threshold: 85, minimumRequests: 50, minimumInstances: 1 },
      successRate: { standardDeviations: 1.9, minimumRequests: 100, minimumInstances: 5 },
      noAnswer: {},
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      connectBaseEjectionMs: 1_000,
      maxEjectionMs: 300_000,
      jitter: 0.1,
      maxEjectionPercent: 10,
      enforce: true,
    })
  })

  it('are filled in field by field', () => {
    const options = { failurePercentage: { threshold: 50 }, successRate: { minimumRequests: 7 }, enforce: false }
    expect(outlierDetectionSettings(options)).toMatchObject({
      failurePercentage: { threshold: 50, minimumRequests: 50, minimumInstances: 1 },
      successRate: { standardDeviations: 1.9, minimumRequests: 7, minimumInstances: 5 },
      enforce: false,
    })
  })

  it('turn each detector off by false', () => {
    const off = {
      consecutiveConnectErrors: false,
      consecutiveServerErrors: false,
      failurePercentage: false,
      successRate: false,
    } as const
    checkOptions('x', off, outlierDetectionTable)
    expect(outlierDetectionSettings(off)).toMatchObject({
      consecutiveConnectErrors: Number.POSITIVE_INFINITY,
      consecutiveServerErrors: Number.POSITIVE_INFINITY,
      failurePercentage: undefined,
      successRate: undefined,
    })
  })

  it.each<OutlierDetectionOptions>([
    {},
    { consecutiveConnectErrors: 1, consecutiveServerErrors: 1_000 },
    { failurePercentage: {}, successRate: {} },
    { failurePercentage: { threshold: 1, minimumRequests: 1, minimumInstances: 1 } },
    { successRate: { standardDeviations: 0, minimumRequests: 1, minimumInstances: 1 } },
    { intervalMs: 1, baseEjectionMs: 1, maxEjectionMs: 1 },
    { jitter: 0, maxEjectionPercent: 0 },
    { jitter: 1, maxEjectionPercent: 100, enforce: false },
  ])('may be %j', (options) => {
    expect(() => checkOptions('x', options, outlierDetectionTable)).not.toThrow()
    expect(outlierDetectionSettings(options)).toMatchObject({ jitter: expect.any(Number) })
  })

  const run = 'an integer in [1, 1000000000]'
  const duration = 'a number of milliseconds in [1, 2147483647]'

  it.each([
    [{ consecutiveConnectErrors: 0 }, 'consecutiveConnectErrors', `${run}, got 0 (number)`],
    [{ consecutiveConnectErrors: true }, 'consecutiveConnectErrors', `${run}, got true (boolean)`],
    [{ consecutiveServerErrors: 2.5 }, 'consecutiveServerErrors', `${run}, got 2.5 (number)`],
    [{ failurePercentage: true }, 'failurePercentage', 'an object, got true (boolean)'],
    [
      { failurePercentage: { threshold: 0 } },
      'failurePercentage.threshold',
      'a finite number in [1, 100], got 0 (number)',
    ],
    [{ failurePercentage: { minimumRequests: 0 } }, 'failurePercentage.minimumRequests', `${run}, got 0 (number)`],
    [
      { failurePercentage: { minimumInstances: '2' } },
      'failurePercentage.minimumInstances',
      `${run}, got "2" (string)`,
    ],
    [{ successRate: null }, 'successRate', 'an object, got null (object)'],
    [
      { successRate: { standardDeviations: -1 } },
      'successRate.standardDeviations',
      'a finite number in [0, 100], got -1 (number)',
    ],
    [{ successRate: { minimumRequests: 0.5 } }, 'successRate.minimumRequests', `${run}, got 0.5 (number)`],
    [{ successRate: { minimumInstances: 0 } }, 'successRate.minimumInstances', `${run}, got 0 (number)`],
    [{ intervalMs: 0 }, 'intervalMs', `${duration}, got 0 (number)`],
    [{ baseEjectionMs: Number.NaN }, 'baseEjectionMs', `${duration}, got NaN (number)`],
    [{ maxEjectionMs: Number.POSITIVE_INFINITY }, 'maxEjectionMs', `${duration}, got Infinity (number)`],
    [{ jitter: 1.1 }, 'jitter', 'a finite number in [0, 1], got 1.1 (number)'],
    [{ maxEjectionPercent: 101 }, 'maxEjectionPercent', 'a finite number in [0, 100], got 101 (number)'],
    [{ enforce: 1 }, 'enforce', 'a boolean, got 1 (number)'],
  ])('may not be %j', (options, name, rest) => {
    const check = (): void => checkOptions('users.outlierDetection', options, outlierDetectionTable)
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow(`users.outlierDetection.${name} must be ${rest}`)
  })

  it.each([
    [{ interval: 5 }, 'x.interval is not a known option. Did you mean intervalMs?'],
    [{ successRate: { stdev: 5 } }, 'x.successRate.stdev is not a known option.'],
    [
      { failurePercentage: { treshold: 5 } },
      'x.failurePercentage.treshold is not a known option. Did you mean threshold?',
    ],
  ])('are told the nearest name for an unknown one: %j', (options, message) => {
    expect(() => checkOptions('x', options, outlierDetectionTable)).toThrow(message)
  })
})
