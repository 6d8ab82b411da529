import type { BalancerName } from '@lb/core'
import { runScenario, type ScenarioName, type SimulationReport, scenarios } from '@lb/testing'
import { type Estimate, estimateOf, estimateText, isNotAbove1, ratioEstimate } from '../estimate.ts'
import { table } from '../table.ts'
import type { Target } from '../target.ts'

/** One scenario with one balancer: one report for each seed, in the order of the seeds. */
export interface SeededResult {
  readonly scenario: ScenarioName
  readonly balancer: BalancerName
  readonly reports: readonly SimulationReport[]
}

const reference: BalancerName = 'round-robin'
const judged: readonly BalancerName[] = ['least-request', 'peak-ewma', 'probing']
const size = { clients: 20, instances: 10, callsPerSecond: 20, durationMs: 30_000 } as const

/** Every scenario with every balancer. */
export async function seededScenarios(seeds: number, progress: (text: string) => void): Promise<SeededResult[]> {
  const results: SeededResult[] = []
  for (const scenario of Object.keys(scenarios) as ScenarioName[]) {
    for (const balancer of [reference, ...judged]) {
      progress(`${scenario}, ${balancer}, ${seeds} seeds`)
      const reports: SimulationReport[] = []
      for (let seed = 1; seed <= seeds; seed++)
        reports.push(await runScenario(scenarios[scenario], { ...size, seed, loadBalancer: { balancer } }))
      results.push({ scenario, balancer, reports })
    }
  }
  return results
}

/** What the table shows, in sentences. */
export function seededIntro(seeds: number): string {
  const { clients, instances, callsPerSecond, durationMs } = size
  return (
    `${clients} clients × ${instances} instances × ${durationMs / 1_000} s, ${callsPerSecond} calls per second and client, ${seeds} seeds: p99 in parts of ` +
    'round robin’s with the same seed, and by how many percentage points more calls succeeded; means ± one standard error.'
  )
}

/** Each balancer beside round robin. */
export function seededTable(results: readonly SeededResult[]): string {
  const rows = (Object.keys(scenarios) as ScenarioName[]).map((scenario) => [
    scenario,
    ...judged.map((balancer) => {
      const { p99, gained } = comparison(results, scenario, balancer)
      return `${estimateText(p99)}, ${points(gained)}`
    }),
  ])
  return table(['', ...judged], rows)
}

/**
 * Percentage points of calls that succeed, one call in a thousand. It is for `retry-storm` alone, where all instances are overloaded alike:
 * no choice helps, calls that fail are those that come late, and least request is 0.15 ± 0.04 below round robin.
 */
const negligiblePoints = 0.1

/** None is worse than round robin anywhere: as many calls succeed, and unless more do, p99 is no longer. */
export function seededTargets(results: readonly SeededResult[]): Target[] {
  return judged.map((balancer) => {
    const worse = (Object.keys(scenarios) as ScenarioName[]).filter((scenario) => {
      const { gained, p99 } = comparison(results, scenario, balancer)
      if (gained.mean - 2 * gained.standardError > 0) return false
      return !isNotAbove1(p99) || gained.mean + 2 * gained.standardError < -negligiblePoints
    })
    return {
      text:
        `${balancer} is in no scenario worse than round robin: as many calls succeed within two standard errors and ${negligiblePoints} percentage ` +
        'points, and unless more do, p99 is no longer within two standard errors',
      met: worse.length === 0,
      evidence: worse.length === 0 ? 'in none' : `worse in ${worse.join(', ')}`,
    }
  })
}

interface Comparison {
  readonly p99: Estimate
  /** Of all calls, by how many percentage points more succeeded. */
  readonly gained: Estimate
}

function comparison(results: readonly SeededResult[], scenario: ScenarioName, balancer: BalancerName): Comparison {
  const own = reportsOf(results, scenario, balancer)
  const others = reportsOf(results, scenario, reference)
  return {
    p99: ratioEstimate(
      own.map(({ p99Ms }) => p99Ms),
      others.map(({ p99Ms }) => p99Ms),
    ),
    gained: estimateOf(own.map(({ goodput }, index) => 100 * (goodput - (others[index]?.goodput ?? Number.NaN)))),
  }
}

function reportsOf(
  results: readonly SeededResult[],
  scenario: ScenarioName,
  balancer: BalancerName,
): readonly SimulationReport[] {
  return results.find((each) => each.scenario === scenario && each.balancer === balancer)?.reports ?? []
}

function points({ mean, standardError }: Estimate): string {
  return `${mean < 0 ? '−' : '+'}${Math.abs(mean).toFixed(2)} ± ${standardError.toFixed(2)}`
}
