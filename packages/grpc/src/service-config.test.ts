import { describe, expect, it } from 'vitest'
import { callPolicies, MethodConfigs } from './service-config.ts'

describe('callPolicies', () => {
  it('is empty without a service config', () => {
    expect(callPolicies(undefined)).toEqual({ methodConfig: [], retryThrottling: undefined })
  })

  it('reads durations, policies and the throttling', () => {
    const retryPolicy = { maxAttempts: 3, initialBackoff: '0.1s', maxBackoff: '1s', backoffMultiplier: 2 }
    const json = JSON.stringify({
      methodConfig: [
        { name: [{ service: 'a.B' }], timeout: '1.5s', retryPolicy },
        { name: [{}], timeout: { seconds: 2, nanos: 5 } },
        { name: [{ service: 'c' }] },
      ],
      retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
    })
    expect(callPolicies(json)).toEqual({
      methodConfig: [
        { name: [{ service: 'a.B' }], timeout: { seconds: 1, nanos: 500_000_000 }, retryPolicy },
        { name: [{}], timeout: { seconds: 2, nanos: 5 } },
        { name: [{ service: 'c' }] },
      ],
      retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
    })
  })

  it('names what is no JSON', () => {
    expect(() => callPolicies('{')).toThrow('grpc.service_config must be JSON')
  })
})

describe('MethodConfigs', () => {
  const exact = { name: [{ service: 'a.B', method: 'C' }] }
  const whole = { name: [{ service: 'a.B' }] }
  const rest = { name: [{}] }

  it('finds a method before its service, and that before the default', () => {
    const configs = new MethodConfigs([rest, whole, exact])
    expect(configs.of('/a.B/C')).toBe(exact)
    expect(configs.of('/a.B/D')).toBe(whole)
    expect(configs.of('/x.Y/C')).toBe(rest)
  })

  it('knows none where none is given, and of two for one name the first', () => {
    expect(new MethodConfigs([]).of('/a.B/C')).toBeUndefined()
    expect(new MethodConfigs([whole]).of('/x.Y/C')).toBeUndefined()
    expect(new MethodConfigs([whole, { name: [{ service: 'a.B' }] }]).of('/a.B/C')).toBe(whole)
  })
})
