import type { ScenarioName } from '@lb/testing/simulation'

/** Those that choose without a key of the call. */
export const balancers = [
  'round-robin',
  'smooth-weighted-round-robin',
  'random',
  'least-request',
  'peak-ewma',
  'probing',
] as const

export type BalancerName = (typeof balancers)[number]

// A record, so that the compiler misses none. The scenarios themselves would bring the simulator into the page: only the worker needs it.
const isScenario: Readonly<Record<ScenarioName | 'none', true>> = {
  none: true,
  'cold-start': true,
  'slow-middle': true,
  'dying-instance': true,
  'grey-failure': true,
  'rolling-deploy': true,
  'zone-loss': true,
  'registry-outage': true,
  'retry-storm': true,
}

/** The scenarios of the simulator, and `none`. */
export const scenarioNames: readonly string[] = Object.keys(isScenario)

/** What a run of the playground simulates. */
export interface Settings {
  readonly scenario: ScenarioName | 'none'
  readonly balancers: readonly [BalancerName, BalancerName]
  readonly clients: number
  readonly instances: number
  readonly weights: readonly number[]
  /** Calls of each client per second. */
  readonly callsPerSecond: number
  /** Share of the capacity that is in use as long as nothing fails. */
  readonly utilisation: number
  readonly seconds: number
  readonly seed: number
  readonly outlierDetection: boolean
  readonly retries: number
}

const defaults: Settings = {
  scenario: 'slow-middle',
  balancers: ['round-robin', 'peak-ewma'],
  clients: 5,
  instances: 10,
  weights: [1],
  callsPerSecond: 40,
  utilisation: 0.5,
  seconds: 30,
  seed: 1,
  outlierDetection: true,
  retries: 2,
}

/** Most that a page computes within some seconds. */
export const most = { clients: 200, instances: 200, callsPerSecond: 1_000, seconds: 120, calls: 400_000 }

/** Settings as the fragment of a URL, without what is as by default. */
export function fragmentOf(settings: Settings): string {
  const given = Object.entries(settings).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key as keyof Settings]),
  )
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()
}

/** The settings of a fragment: what is illegal there is as by default. */
export function settingsOf(fragment: string): Settings {
  const given = new URLSearchParams(fragment)
  const number = (key: keyof Settings, max: number, min = 1): number => {
    const value = Number(given.get(key) ?? Number.NaN)
    return value >= min && value <= max ? value : Number(defaults[key])
  }
  const scenario = given.get('scenario') ?? ''
  const [left, right] = (given.get('balancers') ?? '').split(',').map((name) => balancers.find((each) => each === name))
  const weights = (given.get('weights') ?? '').split(',').map(Number)
  return {
    scenario: scenarioNames.includes(scenario) ? (scenario as Settings['scenario']) : defaults.scenario,
    balancers: [left ?? defaults.balancers[0], right ?? defaults.balancers[1]],
    clients: Math.round(number('clients', most.clients)),
    instances: Math.round(number('instances', most.instances)),
    weights: weights.every((weight) => weight > 0 && weight <= 1_000) ? weights : defaults.weights,
    callsPerSecond: number('callsPerSecond', most.callsPerSecond, 0.1),
    utilisation: number('utilisation', 1, 0.05),
    seconds: Math.round(number('seconds', most.seconds)),
    seed: Math.round(number('seed', 2 ** 31)),
    outlierDetection: given.get('outlierDetection') !== 'false',
    retries: Math.round(number('retries', 10, 0)),
  }
}
