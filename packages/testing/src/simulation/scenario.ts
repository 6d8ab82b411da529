import { checkNumber } from '@lb/core/authoring'
import type { InstanceBehaviour } from './simulated-instance.ts'
import { simulate } from './simulation.ts'
import type { SimulationOptions, SimulationWorld } from './simulation-options.ts'
import type { SimulationReport } from './simulation-report.ts'

/** A typical production failure, as a script for a fleet of any size. */
export interface Scenario {
  /** What happens, in one sentence. */
  readonly description: string
  /** The initial behaviour of the instances. @default {} */
  readonly instance?: InstanceBehaviour | undefined
  /** Schedules the events of the scenario; called before the first client starts. */
  readonly script: (world: SimulationWorld) => void
}

/** The size of a scenario, and the load balancers under test. */
export interface ScenarioOptions
  extends Pick<
    SimulationOptions,
    'clients' | 'instances' | 'weights' | 'durationMs' | 'seed' | 'callsPerSecond' | 'criticality' | 'loadBalancer'
  > {
  /**
   * Share of the capacity in use as long as nothing fails, from 0.001 to 1. It determines the service time.
   * @default 0.5
   */
  readonly utilisation?: number | undefined
}

const concurrency = 4
/**
 * A queued request waits for at most four service times: less than any deadline, so that an overloaded instance still
 * does useful work.
 */
const queueLimit = 16
/** Standard deviation of the logarithm of service times: their p99 is 6.4 × their median. */
const sigma = 0.8
const zones: readonly string[] = ['zone-a', 'zone-b', 'zone-c']

/**
 * Runs a scenario. Service times follow from the load (`utilisation`), deadlines from the service times.
 *
 * @throws InvalidOptionError
 */
export async function runScenario(scenario: Scenario, options: ScenarioOptions = {}): Promise<SimulationReport> {
  const { utilisation = 0.5, ...size } = options
  checkNumber('runScenario.utilisation', utilisation, 0.001, 1)
  const { clients = 10, instances = 10, callsPerSecond = 10 } = size
  const meanMs = (1_000 * utilisation * concurrency * instances) / (clients * callsPerSecond)
  // The mean of a lognormal distribution is its median times e^(sigma² ÷ 2).
  const serviceTime = { kind: 'lognormal', medianMs: meanMs / Math.exp(sigma ** 2 / 2), sigma } as const
  return await simulate({
    ...size,
    zones,
    timeoutMs: Math.max(100, 25 * meanMs),
    instance: { serviceTime, concurrency, queueLimit, ...scenario.instance },
    script: scenario.script,
  })
}
