import { describe, expect, it } from 'vitest'
import type { InstanceBehaviour } from './simulated-instance.ts'
import { simulate } from './simulation.ts'
import type { SimulationOptions } from './simulation-options.ts'

/** Clients × calls per second of each: always 500 calls per second. */
const fleets = [
  [1_000, 0.5],
  [100, 5],
  [10, 50],
] as const

const quick: InstanceBehaviour = { serviceTime: { kind: 'lognormal', medianMs: 20, sigma: 0.8 }, concurrency: 100 }
const dead: readonly InstanceBehaviour[] = [{ mode: 'refusing' }, { mode: 'hanging' }, { failureRatio: 1 }]

/** Attempts for each call that began when all instances died, `diesAtMs` after the start. */
async function attemptsPerCall(size: SimulationOptions, how: InstanceBehaviour, diesAtMs: number): Promise<number> {
  const { amplification, calls, seconds } = await simulate({
    ...size,
    instances: 20,
    instance: quick,
    script: ({ at, fleet }) =>
      at(diesAtMs, () => {
        for (const instance of fleet.all) instance.behave(how)
      }),
  })
  const later = seconds.slice(diesAtMs / 1_000).reduce((sum, second) => sum + second.calls, 0)
  return 1 + ((amplification - 1) * calls) / later
}

describe('the retry budget of a fleet', () => {
  it.each(fleets)('allows a dead service 1.25 attempts per call: %d clients × %d calls/s', async (clients, rate) => {
    const size = { clients, callsPerSecond: rate, durationMs: 20_000 }
    expect(await attemptsPerCall(size, { mode: 'refusing' }, 0)).toBeLessThanOrEqual(1.25)
  })

  // Each client has its own budget, so fewer of them show the same.
  it.each(fleets.flatMap(([clients, rate]) => dead.map((how) => [clients / 10, rate, how] as const)))(
    'allows 1.25 also when a service dies: %d clients × %d calls/s, %j',
    async (clients, rate, how) => {
      const size = { clients, callsPerSecond: rate, durationMs: 40_000 }
      expect(await attemptsPerCall(size, how, 10_000)).toBeLessThanOrEqual(1.25)
    },
  )

  // The registry goes on listing it. One of two is the largest part that a single instance can be.
  it.each(
    [0.02, 0.5, 5, 50].flatMap((callsPerSecond) =>
      [2, 3, 5].flatMap((instances) => [0, 1 / 3].map((from) => [callsPerSecond, instances, from] as const)),
    ),
  )(
    'loses no call to a dead instance: %d calls/s, one of %d, dead after %d of the time',
    async (callsPerSecond, instances, from) => {
      const report = await simulate({
        clients: 10,
        callsPerSecond,
        instances,
        durationMs: Math.max(30_000, 100_000 / callsPerSecond),
        instance: quick,
        script: ({ at, durationMs, fleet }) => at(from * durationMs, () => fleet.all[0]?.behave({ mode: 'refusing' })),
      })
      expect(report.failures).toEqual({})
      expect(report.amplification).toBeGreaterThan(1)
    },
  )

  it('loses no call to a rolling restart with a quiet minute between calls', async () => {
    const instances = 4
    const report = await simulate({
      clients: 20,
      callsPerSecond: 1 / 60,
      arrivals: 'constant',
      instances,
      durationMs: 3_600_000,
      instance: quick,
      script: ({ at, durationMs, fleet }) => {
        // Each is away for most of its turn, time and again.
        for (let turn = 0; turn < 4 * instances; turn++) {
          const beginMs = (turn * durationMs) / (4 * instances)
          const restarted = fleet.all[turn % instances]
          at(beginMs, () => restarted?.behave({ mode: 'refusing' }))
          at(beginMs + 200_000, () => restarted?.behave({ mode: 'serving' }))
        }
      },
    })
    expect(report.failures).toEqual({})
    expect(report.amplification).toBeGreaterThan(1.05)
  })
})
