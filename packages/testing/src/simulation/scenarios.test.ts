import { describe, expect, it } from 'vitest'
import { runScenario, type ScenarioOptions } from './scenario.ts'
import { type ScenarioName, scenarios } from './scenarios.ts'

const small: ScenarioOptions = { clients: 10, instances: 10, durationMs: 10_000, callsPerSecond: 100, seed: 1 }
const names = Object.keys(scenarios) as ScenarioName[]

describe.each(names)('%s', (name) => {
  it('gives a plausible report and leaves nothing behind', async () => {
    const report = await runScenario(scenarios[name], small)
    // 10 000 calls with a deviation of 100; five of them.
    expect(Math.abs(report.calls - 10_000)).toBeLessThan(500)
    expect(report.goodput).toBeGreaterThan(0)
    expect(report.goodput).toBeLessThanOrEqual(1)
    expect(report.succeeded + Object.values(report.failures).reduce((sum, count) => sum + count, 0)).toBe(report.calls)
    expect(report.seconds.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(report.succeeded)
    expect(report.p50Ms).toBeGreaterThan(0)
    expect(report.p99Ms).toBeGreaterThanOrEqual(report.p50Ms)
    expect(report.p999Ms).toBeGreaterThanOrEqual(report.p99Ms)
    expect(report.loadImbalance).toBeGreaterThanOrEqual(1)
    expect(report.amplification).toBeGreaterThanOrEqual(1)
    expect(report.leakedTimers).toBe(0)
  })
})

describe('scenarios', () => {
  it('a retry storm is not made worse by retries: the budget holds', async () => {
    const report = await runScenario(scenarios['retry-storm'], small)
    expect(report.goodput).toBeLessThan(0.95)
    // Of its 1 000 calls a client has made two thirds when the storm ends: their deposits of 0.2 and the reserve of
    // 10 × 10 s allow 233 retries, which makes 1.233 attempts for each call of the whole.
    expect(report.amplification).toBeLessThanOrEqual(1.25)
    expect(report.events['retry-budget-exhausted']).toBeGreaterThan(0)
  })

  it('an outage of the registry alone costs no call', async () => {
    const { script: _script, ...quiet } = scenarios['registry-outage']
    const report = await runScenario(
      {
        ...quiet,
        script: ({ at, registry }) => {
          at(2_000, () => registry.turn('failing'))
          at(5_000, () => registry.turn('away'))
          at(7_000, () => registry.claimEmptyOnce())
        },
      },
      small,
    )
    expect(report.events['discovery-failed']).toBe(10)
    expect(report.events['empty-list-held']).toBe(10)
    expect(report.goodput).toBe(1)
  })

  it('a rolling deploy replaces every instance, and its clients hear of each step', async () => {
    const report = await runScenario(scenarios['rolling-deploy'], small)
    // Ten clients hear of the first list, and of five batches that come and five that go.
    expect(report.events['instances-changed']).toBe(10 * 11)
  })

  it('a lost zone fails its share of the calls, no more, until it is off the list', async () => {
    const { seconds } = await runScenario(scenarios['zone-loss'], small)
    const worst = Math.min(...seconds.map(({ calls, succeeded }) => succeeded / calls))
    // Four of ten instances hang: round robin sends 40 % of some 1 000 calls there, with a deviation of 1.5 %.
    expect(worst).toBeGreaterThan(0.5)
    expect(seconds.at(-1)?.succeeded).toBeGreaterThan(0)
  })
})
