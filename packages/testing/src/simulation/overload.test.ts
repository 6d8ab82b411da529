import { describe, expect, it } from 'vitest'
import { runScenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { simulate } from './simulation.ts'
import type { SimulationReport } from './simulation-report.ts'

/** An instance serves four requests at a time in 20 ms on average. */
const capacityPerInstance = 200

function served({ byCriticality }: SimulationReport, criticality: 'critical' | 'sheddable'): number {
  const { calls = 0, succeeded = 0 } = byCriticality[criticality] ?? {}
  return succeeded / calls
}

describe('under overload', () => {
  it('users are served beside twice as many prefetches as there is capacity for', async () => {
    const report = await simulate({
      clients: 1,
      instances: 1,
      durationMs: 20_000,
      callsPerSecond: 400,
      // 50 and 350 of 400 calls per second.
      criticality: { critical: 0.125, sheddable: 0.875 },
      loadBalancer: { maxInFlight: 'adaptive' },
    })
    expect(served(report, 'critical')).toBeGreaterThanOrEqual(0.999)
    expect(report.succeededPerSecond).toBeGreaterThanOrEqual(0.97 * capacityPerInstance)
  })

  it.each([
    [10, 1],
    [30, 3],
  ])(
    'users are served beside such prefetches when each of %i clients of %i instances sees only its own calls',
    async (clients, instances) => {
      const report = await simulate({
        clients,
        instances,
        durationMs: 20_000,
        callsPerSecond: (400 * instances) / clients,
        criticality: { critical: 0.125, sheddable: 0.875 },
        loadBalancer: { maxInFlight: 'adaptive' },
      })
      expect(served(report, 'critical')).toBeGreaterThanOrEqual(0.999)
      expect(report.succeededPerSecond).toBeGreaterThanOrEqual(0.97 * instances * capacityPerInstance)
    },
  )

  it('critical calls are served at twice the capacity, which is used', async () => {
    const instances = 4
    const report = await simulate({
      clients: 1,
      instances,
      durationMs: 20_000,
      callsPerSecond: 2 * instances * capacityPerInstance,
      criticality: { critical: 0.1 },
      loadBalancer: { maxInFlight: 'adaptive', balancer: 'least-request' },
    })
    expect(served(report, 'critical')).toBeGreaterThanOrEqual(0.999)
    expect(report.succeededPerSecond).toBeGreaterThanOrEqual(0.97 * instances * capacityPerInstance)
  })

  it('a third of the instances that answers nothing costs next to no call', async () => {
    const report = await runScenario(scenarios['zone-loss'], { callsPerSecond: 100, durationMs: 20_000 })
    expect(report.goodput).toBeGreaterThanOrEqual(0.995)
  })
})
