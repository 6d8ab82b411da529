import { describe, expect, it } from 'vitest'
import { checkExecuteOptions } from './execute-options.ts'

describe('checkExecuteOptions', () => {
  it('refuses illegal retry options each time they are given, frozen or not', () => {
    const retry = { maxRetries: 1 }
    checkExecuteOptions({ retry })
    retry.maxRetries = -1
    const illegal = Object.freeze({ maxRetries: 0.5 })
    for (let time = 0; time < 2; time++) {
      expect(() => checkExecuteOptions({ retry })).toThrow('options.retry.maxRetries must be an integer in [0, 100]')
      expect(() => checkExecuteOptions({ retry: illegal })).toThrow('options.retry.maxRetries must be an integer')
      expect(() => checkExecuteOptions({ retry: Object.freeze({ budget: {} }) })).toThrow('options.retry.budget')
      checkExecuteOptions({ retry: Object.freeze({ maxRetries: 1 }) })
    }
  })

  it.each([null, 7, 'x', []])('refuses %j in place of options', (options) => {
    expect(() => checkExecuteOptions(options)).toThrow('options must be an object')
  })
})
