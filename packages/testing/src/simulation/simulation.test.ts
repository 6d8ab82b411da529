import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { runScenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { simulate } from './simulation.ts'
import type { SimulatedClientContext, SimulationOptions } from './simulation-options.ts'

const busy: SimulationOptions = {
  clients: 8,
  instances: 5,
  durationMs: 5_000,
  callsPerSecond: 40,
  instance: { serviceTime: { kind: 'lognormal', medianMs: 20, sigma: 0.8 }, failureRatio: 0.05 },
}

describe('simulate', () => {
  it('is the same for the same seed, event for event', async () => {
    expect(await simulate({ ...busy, seed: 42 })).toEqual(await simulate({ ...busy, seed: 42 }))
    const options = { seed: 42, durationMs: 5_000 }
    const first = await runScenario(scenarios['registry-outage'], options)
    expect(await runScenario(scenarios['registry-outage'], options)).toEqual(first)
  })

  it('is another for another seed', async () => {
    const reports = await Promise.all([1, 2, 3].map((seed) => simulate({ ...busy, seed })))
    expect(new Set(reports.map(({ hash }) => hash)).size).toBe(3)
  })

  it('makes as many calls as it should, evenly or at random', async () => {
    const constant = await simulate({ clients: 5, durationMs: 4_000, callsPerSecond: 10, arrivals: 'constant' })
    expect(constant.calls).toBe(5 * 4 * 10)
    const poisson = await simulate({ clients: 5, durationMs: 40_000, callsPerSecond: 10 })
    // 2 000 with a deviation of sqrt(2 000) = 44.7; five of them.
    expect(Math.abs(poisson.calls - 2_000)).toBeLessThan(224)
  })

  it('succeeds throughout when nothing fails, in the time of service and wire', async () => {
    const report = await simulate({ instance: { serviceTime: 20 }, callsPerSecond: 5, network: { sameZoneMs: 2 } })
    expect(report).toMatchObject({ goodput: 1, amplification: 1, failures: {}, leakedTimers: 0 })
    expect(report.p50Ms).toBeCloseTo(22, 6)
    expect(report.seconds).toHaveLength(10)
    expect(report.succeededPerSecond).toBeCloseTo(report.calls / 10, 6)
  })

  it('takes longer on the wire to another zone', async () => {
    const wire = { instances: 1, instance: { serviceTime: 0 }, network: { sameZoneMs: 1, crossZoneMs: 9 } }
    const near = await simulate({ ...wire, clients: 3, zones: ['near'] })
    // The instance is in the first zone, two of three clients are in the other.
    const far = await simulate({ ...wire, clients: 3, zones: ['near', 'far', 'far'] })
    expect([near.p50Ms, far.p50Ms].map(Math.round)).toEqual([1, 9])
  })

  it('tells why calls failed', async () => {
    const none = await simulate({ instances: 0, durationMs: 1_000 })
    expect(none.failures).toEqual({ LB_NO_AVAILABLE_INSTANCE: none.calls })
    const hanging = await simulate({ instance: { mode: 'hanging' }, durationMs: 1_000 })
    expect(hanging.failures).toEqual({ LB_DEADLINE_EXCEEDED: hanging.calls })
    expect(hanging.goodput).toBe(0)
    const failing = await simulate({ instance: { failureRatio: 1 }, durationMs: 1_000, loadBalancer: { retry: false } })
    expect(failing.failures).toEqual({ 'status 500': failing.calls })
    const refusing = await simulate({
      instance: { mode: 'refusing' },
      durationMs: 1_000,
      loadBalancer: { retry: false },
    })
    expect(refusing.failures).toEqual({ ECONNREFUSED: refusing.calls })
  })

  it('makes the options of each load balancer for its client', async () => {
    const clients: SimulatedClientContext[] = []
    await simulate({
      clients: 3,
      zones: ['a', 'b'],
      durationMs: 1,
      loadBalancer: (client) => {
        clients.push(client)
        return { balancer: 'random' }
      },
    })
    expect(clients.map(({ index, zone }) => [index, zone])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'a'],
    ])
  })

  it('lets health checks find what died, by the simulated probe', async () => {
    for (const mode of ['refusing', 'hanging'] as const) {
      const { events, leakedTimers } = await simulate({
        clients: 2,
        callsPerSecond: 1,
        durationMs: 40_000,
        loadBalancer: ({ probe }) => ({ healthCheck: { probe, intervalMs: 1_000 }, outlierDetection: false }),
        script: ({ at, fleet }) => {
          at(10_000, () => fleet.all[0]?.behave({ mode }))
          at(20_000, () => fleet.all[0]?.behave({ mode: 'serving' }))
        },
      })
      // Both clients see ten get well at first, and one fall ill and get well again.
      expect(events['instance-health-changed']).toBe(2 * (10 + 2))
      expect(leakedTimers).toBe(0)
    }
  })

  it('runs the script at its times', async () => {
    const times: number[] = []
    await simulate({
      durationMs: 100,
      script: ({ at, clock }) => {
        const startMs = clock.now()
        for (const elapsedMs of [70, 30]) at(elapsedMs, () => times.push(clock.now() - startMs))
      },
    })
    expect(times).toEqual([30, 70])
  })

  it('names what is wrong with its options', async () => {
    const wrong: [SimulationOptions, string][] = [
      [{ clients: 0 }, 'simulate.clients'],
      [{ durationMs: 0 }, 'simulate.durationMs'],
      [{ arrivals: 'bursts' as never }, 'simulate.arrivals'],
      [{ network: { sameZone: 1 } as never }, 'simulate.network.sameZone'],
      [{ client: 1 } as never, 'simulate.client'],
      [{ loadBalancer: { balancr: 'random' } as never }, 'LoadBalancer.balancr'],
    ]
    for (const [options, option] of wrong) {
      await expect(simulate(options)).rejects.toThrow(
        expect.objectContaining({ name: InvalidOptionError.name, option }),
      )
    }
  })

  it('gives instances their weights in turn, and a script every event', async () => {
    const types = new Set<string>()
    const clients = new Set<number>()
    let received: number[] = []
    await simulate({
      clients: 2,
      instances: 4,
      weights: [3, 1],
      durationMs: 20_000,
      callsPerSecond: 40,
      script: ({ at, durationMs, fleet, subscribe }) => {
        subscribe(({ type }, client) => {
          types.add(type)
          clients.add(client)
        })
        at(durationMs, () => {
          received = fleet.all.map((each) => each.received)
        })
      },
    })
    const [heavy = 0, light = 0] = received
    expect(heavy / light).toBeCloseTo(3, 0)
    expect([...types]).toEqual(expect.arrayContaining(['instances-changed', 'request-finished']))
    expect(clients).toEqual(new Set([0, 1]))
  })

  it.each([{ weights: [] }, { weights: [-1] }, { weights: [Number.NaN] }])('rejects %j', async (options) => {
    await expect(simulate(options)).rejects.toThrow(/simulate\.weights/)
  })
})
