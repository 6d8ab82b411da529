import type { BalancerName } from '@lb/core'
import {
  runScenario,
  type Scenario,
  type ScenarioName,
  type SimulationOptions,
  type SimulationReport,
  scenarios,
} from '@lb/testing'

export interface Size {
  readonly clients: number
  readonly instances: number
  readonly seconds: number
  readonly callsPerSecond: number
  readonly seed: number
}

/** What the retry budget is for, beside the scenarios of the simulator. */
type BudgetScenarioName = 'dead-service' | 'killed-instance'

export interface Run {
  readonly scenario: ScenarioName | BudgetScenarioName
  /** The options in words; `default` for none. */
  readonly options: string
  readonly loadBalancer: SimulationOptions['loadBalancer']
  readonly size: Size
}

export interface Result {
  readonly run: Run
  readonly report: SimulationReport
  /** Real time it took. */
  readonly realSeconds: number
  /** Largest memory of the process so far. */
  readonly maxMegabytes: number
}

export const allScenarios: Readonly<Record<Run['scenario'], Scenario>> = {
  ...scenarios,
  'dead-service': {
    description: 'Every instance refuses all connections from the start.',
    script: ({ fleet }) => {
      for (const instance of fleet.all) instance.behave({ mode: 'refusing' })
    },
  },
  'killed-instance': {
    description: 'One instance is killed after a third of the time, and stays on the list.',
    script: ({ at, durationMs, fleet }) => at(durationMs / 3, () => fleet.all[0]?.crash()),
  },
}

const scenarioNames = Object.keys(scenarios) as ScenarioName[]
const comparedBalancers: readonly BalancerName[] = ['round-robin', 'least-request', 'peak-ewma', 'probing']
/** Where the instances differ, so that the choice matters. */
const comparedScenarios: readonly ScenarioName[] = [
  'slow-middle',
  'dying-instance',
  'grey-failure',
  'rolling-deploy',
  'retry-storm',
]

/** One scenario or all, with the default options or one balancer. */
export function defaultRuns(size: Size, scenario?: string, balancer?: string): Run[] {
  const names = scenarioNames.filter((name) => scenario === undefined || name === scenario)
  if (names.length === 0) throw new Error(`--scenario must be one of ${scenarioNames.join(', ')}, got ${scenario}`)
  const [options, loadBalancer] =
    // A wrong name gets the load balancer's own message.
    balancer === undefined ? ['default', {}] : [balancer, { balancer: balancer as BalancerName }]
  return names.map((name) => ({ scenario: name, options, loadBalancer, size }))
}

export function balancerRuns(size: Size): Run[] {
  return comparedScenarios.flatMap((scenario) =>
    comparedBalancers.map((balancer) => ({ scenario, options: balancer, loadBalancer: { balancer }, size })),
  )
}

type Variation = readonly [scenario: ScenarioName, options: string, loadBalancer: SimulationOptions['loadBalancer']]

/** What single options change, each beside what it is for. */
const variations: readonly Variation[] = [
  ['slow-middle', 'no outlier detection', { outlierDetection: false }],
  ['slow-middle', 'hedge', { hedge: {} }],
  ['dying-instance', 'no outlier detection', { outlierDetection: false }],
  ['dying-instance', 'hedge', { hedge: {} }],
  ['grey-failure', 'no outlier detection', { outlierDetection: false }],
  ['grey-failure', 'least-request, no outlier detection', { balancer: 'least-request', outlierDetection: false }],
  ['rolling-deploy', 'slow start of 10 s', { slowStart: { windowMs: 10_000 } }],
  ['zone-loss', 'no outlier detection', { outlierDetection: false }],
  [
    'zone-loss',
    'health check each second',
    ({ probe }) => ({ healthCheck: { probe, intervalMs: 1_000, timeoutMs: 500 } }),
  ],
  ['zone-loss', 'zone', ({ zone }) => (zone === undefined ? {} : { zone })],
  ['zone-loss', 'hedge', { hedge: {} }],
  ['registry-outage', 'health check', ({ probe }) => ({ healthCheck: { probe } })],
  ['retry-storm', 'no retry', { retry: false }],
  ['retry-storm', 'no retry budget', { retry: { budget: false } }],
  ['retry-storm', 'throttle', { throttle: {} }],
]

export function variationRuns(size: Size): Run[] {
  return variations.map(([scenario, options, loadBalancer]) => ({ scenario, options, loadBalancer, size }))
}

/** Fleets of few busy clients and of many quiet ones, with the same load. */
export function budgetRuns(seed: number): Run[] {
  const fleets = [
    [1_000, 0.5],
    [100, 5],
    [10, 50],
  ] as const
  const names: readonly BudgetScenarioName[] = ['dead-service', 'killed-instance']
  return names.flatMap((scenario) =>
    fleets.map(([clients, callsPerSecond]) => ({
      scenario,
      options: `${clients} clients × ${callsPerSecond}/s`,
      loadBalancer: {},
      size: { clients, instances: 50, seconds: 60, callsPerSecond, seed },
    })),
  )
}

/** A fleet in which a client goes round its instances once in three minutes. */
export function largeRuns(seed: number): Run[] {
  const size: Size = { clients: 1_000, instances: 1_000, seconds: 60, callsPerSecond: 5, seed }
  const subset: Run = {
    scenario: 'rolling-deploy',
    options: 'subset of 20',
    loadBalancer: ({ index }) => ({ subset: { size: 20, index, clients: size.clients } }),
    size,
  }
  return [...scenarioNames.map((scenario) => ({ scenario, options: 'default', loadBalancer: {}, size })), subset]
}

export async function runAll(runs: readonly Run[], progress: (run: Run) => void): Promise<Result[]> {
  const results: Result[] = []
  for (const run of runs) {
    progress(run)
    results.push(await runOne(run))
  }
  return results
}

async function runOne(run: Run): Promise<Result> {
  const { loadBalancer, scenario, size } = run
  const { seconds, ...rest } = size
  const startedAt = performance.now()
  const report = await runScenario(allScenarios[scenario], {
    ...rest,
    durationMs: seconds * 1_000,
    ...(loadBalancer === undefined ? undefined : { loadBalancer }),
  })
  const realSeconds = (performance.now() - startedAt) / 1_000
  return { run, report, realSeconds, maxMegabytes: process.resourceUsage().maxRSS / 1_000 }
}
