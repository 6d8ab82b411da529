import type { Clock, Criticality, HealthProbe, LoadBalancerEvent, LoadBalancerOptions, Random } from '@lb/core'
import { checkDurationMs, checkFunction, checkInteger, checkKeys, checkNumber, rejectOption } from '@lb/core/authoring'
import type { Recording } from './recording/recording.ts'
import type { SimulatedFleet } from './simulated-fleet.ts'
import type { InstanceBehaviour } from './simulated-instance.ts'
import type { SimulatedRegistry } from './simulated-registry.ts'

/** The client for which a load balancer is created. */
export interface SimulatedClientContext {
  /** The number of the client, from 0. */
  readonly index: number
  /** The zone of the client; `undefined` without zones. */
  readonly zone: string | undefined
  /**
   * For `healthCheck.probe`: a probe of the simulated instance. It passes as long as the instance runs, however slow it
   * is and whatever it responds to requests.
   */
  readonly probe: HealthProbe
}

/** Options of every load balancer of a simulation, without those that the simulation itself provides. */
export type SimulatedLoadBalancerOptions = Omit<LoadBalancerOptions, 'discovery' | 'services' | 'clock' | 'random'>

/** The world that a script controls. Times count from the start of the simulation, in milliseconds. */
export interface SimulationWorld {
  /** The virtual clock of the simulation. */
  readonly clock: Clock
  /** How long clients make calls. */
  readonly durationMs: number
  /** The script's own random source. */
  readonly random: Random
  /** The instances. */
  readonly fleet: SimulatedFleet
  /** The registry that the clients watch. */
  readonly registry: SimulatedRegistry
  /** Calls `action` at `elapsedMs`. */
  readonly at: (elapsedMs: number, action: () => void) => void
  /** Calls `listener` with every event of every load balancer, and the number of its client, from 0. */
  readonly subscribe: (listener: (event: LoadBalancerEvent, client: number) => void) => void
}

/** Parts of the calls, by class. */
export type CriticalityShares = Readonly<Partial<Record<Exclude<Criticality, 'default'>, number>>>

/** Size, load and script of a simulation. */
export interface SimulationOptions {
  /** Processes with one load balancer each, from 1 to 1 000 000. @default 10 */
  readonly clients?: number | undefined
  /** Instances that are listed from the start, from 0 to 1 000 000. @default 10 */
  readonly instances?: number | undefined
  /** How long clients make calls, in milliseconds, ≥ 1. @default 10_000 */
  readonly durationMs?: number | undefined
  /** The same seed reproduces the same simulation, event for event. @default 1 */
  readonly seed?: number | undefined
  /** Calls of each client per second, from 0.000001 to 1 000 000. @default 10 */
  readonly callsPerSecond?: number | undefined
  /** Times between the calls of a client: random (exponential) or constant. @default 'poisson' */
  readonly arrivals?: 'poisson' | 'constant' | undefined
  /**
   * Shares of the calls in these classes, from 0 to 1 and together at most 1; the others are `default`. Which call is in which is random.
   * @default {}
   */
  readonly criticality?: CriticalityShares | undefined
  /** Deadline of each call, in milliseconds, ≥ 1. @default 1_000 */
  readonly timeoutMs?: number | undefined
  /** Instances and clients are assigned to these zones in turn. @default [] */
  readonly zones?: readonly string[] | undefined
  /** Weights that instances get in turn: one or more finite numbers ≥ 0. @default [1] */
  readonly weights?: readonly number[] | undefined
  /**
   * Round-trip time of an attempt on the network, in milliseconds, ≥ 0.
   * @default { sameZoneMs: 0.5, crossZoneMs: 1.5 }
   */
  readonly network?: { readonly sameZoneMs?: number | undefined; readonly crossZoneMs?: number | undefined } | undefined
  /** The behaviour of the instances, until the script changes it. @default {} */
  readonly instance?: InstanceBehaviour | undefined
  /**
   * Traffic that was recorded with `recordTraffic`, and read with `readRecording`: the recorded calls of one client meet the recorded
   * instances, which take as long and fail as they did at about the same time. It replaces `clients`, `instances`, `callsPerSecond`, `arrivals`,
   * `zones` and `weights`, which must not be given, and other options have other defaults: `durationMs` and `timeoutMs` as recorded, no time on
   * the `network`, which recorded times include, and an `instance.concurrency` and `queueLimit` that never make a request wait.
   * @default traffic as these options say
   */
  readonly recording?: Recording | undefined
  /** Options of the load balancers: the same for all, or created for each client. @default {} */
  readonly loadBalancer?:
    | (SimulatedLoadBalancerOptions | ((client: SimulatedClientContext) => SimulatedLoadBalancerOptions))
    | undefined
  /** Called before the first client starts. @default a script that does nothing */
  readonly script?: ((world: SimulationWorld) => void) | undefined
}

const simulationKeys: readonly (keyof SimulationOptions)[] = [
  'clients',
  'instances',
  'durationMs',
  'seed',
  'callsPerSecond',
  'arrivals',
  'criticality',
  'timeoutMs',
  'zones',
  'weights',
  'network',
  'instance',
  'recording',
  'loadBalancer',
  'script',
]

/** What a recording says itself. */
const recordedOptions = ['clients', 'instances', 'callsPerSecond', 'arrivals', 'zones', 'weights'] as const

/** @throws InvalidOptionError */
export function checkSimulationOptions(options: SimulationOptions): void {
  checkKeys('simulate', options, simulationKeys)
  for (const name of options.recording === undefined ? [] : recordedOptions) {
    if (options[name] !== undefined) rejectOption(`simulate.${name}`, 'absent beside a recording', options[name])
  }
  const { arrivals, loadBalancer, network, script } = options
  checkInteger('simulate.clients', options.clients, 1, 1_000_000)
  checkInteger('simulate.instances', options.instances, 0, 1_000_000)
  checkDurationMs('simulate.durationMs', options.durationMs, { min: 1 })
  checkNumber('simulate.callsPerSecond', options.callsPerSecond, 1e-6, 1_000_000)
  checkDurationMs('simulate.timeoutMs', options.timeoutMs, { min: 1 })
  if (options.weights?.length === 0) rejectOption('simulate.weights', 'one or more numbers', options.weights)
  for (const [index, weight] of (options.weights ?? []).entries()) {
    checkNumber(`simulate.weights[${index}]`, weight, 0, Number.MAX_VALUE)
  }
  if (arrivals !== undefined && arrivals !== 'poisson' && arrivals !== 'constant') {
    rejectOption('simulate.arrivals', 'poisson or constant', arrivals)
  }
  if (network !== undefined) checkKeys('simulate.network', network, ['sameZoneMs', 'crossZoneMs'])
  checkDurationMs('simulate.network.sameZoneMs', network?.sameZoneMs)
  checkDurationMs('simulate.network.crossZoneMs', network?.crossZoneMs)
  if (typeof loadBalancer !== 'object') checkFunction('simulate.loadBalancer', loadBalancer)
  checkFunction('simulate.script', script)
  checkShares(options.criticality)
}

function checkShares(shares: CriticalityShares | undefined): void {
  if (shares === undefined) return
  checkKeys('simulate.criticality', shares, ['critical', 'sheddable'])
  const { critical, sheddable } = shares
  checkNumber('simulate.criticality.critical', critical, 0, 1)
  checkNumber('simulate.criticality.sheddable', sheddable, 0, 1 - (critical ?? 0))
}
