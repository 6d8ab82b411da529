import { describe, expect, it } from 'vitest'
import type { MethodConfig } from './grpc-module.ts'
import { SecondTries, type SecondTryOptions } from './second-try.ts'

function tries(options: Partial<SecondTryOptions> = {}): { tries: SecondTries; pass: (ms: number) => void } {
  let nowMs = 0
  const made = new SecondTries({ maxRetries: 2, secondTryAfterMs: 500, now: () => nowMs, ...options })
  const pass = (ms: number): void => {
    nowMs += ms
  }
  return { tries: made, pass }
}

const delayOf = (config: MethodConfig | undefined): string | undefined => config?.hedgingPolicy?.hedgingDelay

describe('SecondTries', () => {
  it('lets a second attempt begin beside one that waits', () => {
    expect(tries().tries.configOf(undefined)).toEqual({
      name: [],
      hedgingPolicy: { maxAttempts: 3, hedgingDelay: '0.500s', nonFatalStatusCodes: [14] },
    })
  })

  it('keeps what the service config says besides', () => {
    const timeout = { seconds: 1, nanos: 0 }
    expect(tries().tries.configOf({ name: [{ service: 'a' }], timeout })).toMatchObject({
      name: [{ service: 'a' }],
      timeout,
      hedgingPolicy: { maxAttempts: 3 },
    })
  })

  it('waits longer where messages usually take longer', () => {
    const { tries: slow } = tries()
    for (let call = 0; call < 100; call++) slow.answered(2_000)
    expect(Number.parseFloat(delayOf(slow.configOf(undefined)) ?? '')).toBeGreaterThanOrEqual(2)
    const { tries: quick } = tries()
    for (let call = 0; call < 100; call++) quick.answered(5)
    expect(delayOf(quick.configOf(undefined))).toBe('0.500s')
  })

  it('repeats only what has failed once its budget is spent, until it is filled again', () => {
    const { tries: spent, pass } = tries()
    for (let attempt = 0; attempt < 20; attempt++) spent.spent()
    const repeated = spent.configOf(undefined)
    expect(repeated?.hedgingPolicy).toBeUndefined()
    expect(repeated?.retryPolicy).toMatchObject({ maxAttempts: 3, retryableStatusCodes: [14] })
    pass(1_000)
    expect(delayOf(spent.configOf(undefined))).toBe('0.500s')
  })

  it('makes at most a fifth more attempts than there are calls, and ten a second', () => {
    const { tries: busy, pass } = tries()
    let beside = 0
    for (let call = 0; call < 10_000; call++) {
      if (busy.configOf(undefined)?.hedgingPolicy !== undefined) {
        busy.spent()
        beside++
      }
      pass(1)
    }
    expect(beside).toBeLessThanOrEqual(10_000 * 0.2 + 10 * 10 + 10)
  })

  it('never begins beside one with Infinity, and repeats nothing with 0 retries', () => {
    const { tries: never } = tries({ secondTryAfterMs: Number.POSITIVE_INFINITY })
    expect(never.configOf(undefined)?.retryPolicy).toMatchObject({ maxAttempts: 3 })
    const base = { name: [] }
    expect(tries({ maxRetries: 0 }).tries.configOf(base)).toBe(base)
  })
})
