import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { optionalProperties } from './public-types.ts'

const found = optionalProperties(fileURLToPath(new URL('../packages', import.meta.url)))

describe('what the packages export', () => {
  it('has optional properties to look at, in every package that has options', () => {
    const packages = new Set(found.map(({ path }) => path.split(' ')[0]))
    expect(packages.size).toBeGreaterThanOrEqual(11)
    expect(found.length).toBeGreaterThan(300)
    for (const path of [
      '@lb/core RetryOptions.maxRetries',
      '@lb/core ExecuteOptions.classify',
      '@lb/axios LoadBalancedAdapterOptions.undici',
      '@lb/express ProxyOptions.onResponse',
    ]) {
      expect(found.map((each) => each.path)).toContain(path)
    }
  })

  // Callers with `exactOptionalPropertyTypes` have values that may be undefined, and no wish to leave properties out for that.
  it('lets every optional property be undefined', () => {
    const takesUndefined = (type: string): boolean => /\|\s*undefined$|^unknown$/.test(type)
    expect(found.filter(({ type }) => !takesUndefined(type)).map(({ path, type }) => `${path}: ${type}`)).toEqual([])
  })
})
