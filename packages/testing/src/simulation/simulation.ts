import {
  type Clock,
  type HealthProbe,
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  type Random,
  type ServiceInstance,
} from '@lb/core'
import { checkDurationMs, checkFunction, checkInteger, checkKeys, checkNumber, rejectOption } from '@lb/core/authoring'
import { CallRecorder } from './call-recorder.ts'
import { EventHash } from './event-hash.ts'
import { randomTree } from './random-tree.ts'
import { eventKinds, SimulatedClient, simulatedService } from './simulated-client.ts'
import { SimulatedFleet } from './simulated-fleet.ts'
import type { InstanceBehaviour } from './simulated-instance.ts'
import { simulatedHealthProbe, simulatedLoadProbe } from './simulated-probes.ts'
import type { SimulatedRegistry } from './simulated-registry.ts'
import { SimulationClock } from './simulation-clock.ts'
import type { SimulationReport } from './simulation-report.ts'

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
  'timeoutMs',
  'zones',
  'weights',
  'network',
  'instance',
  'loadBalancer',
  'script',
]

/**
 * Runs real load balancers against simulated instances in virtual time, without sockets. Except for the servers, the
 * registry and the clock, everything is production code.
 *
 *     const report = await simulate({ clients: 100, instances: 20, loadBalancer: { balancer: 'least-request' } })
 *
 * @throws InvalidOptionError
 */
export async function simulate(options: SimulationOptions = {}): Promise<SimulationReport> {
  checkSimulationOptions(options)
  const simulation = new Simulation(options)
  return await simulation.run()
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #durationMs: number
  readonly #timeoutMs: number
  readonly #clock = new SimulationClock()
  readonly #stream: (...path: readonly string[]) => Random
  readonly #fleet: SimulatedFleet
  readonly #recorder = new CallRecorder()
  readonly #hash = new EventHash()
  readonly #events = new Map<string, number>()
  readonly #loadBalancers: LoadBalancer[] = []
  #probes = 0
  readonly #listeners: ((event: LoadBalancerEvent, client: number) => void)[] = []

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#durationMs = options.durationMs ?? 10_000
    this.#timeoutMs = options.timeoutMs ?? 1_000
    this.#stream = randomTree(options.seed ?? 1)
    const { zones = [], weights, instance: behaviour = {} } = options
    this.#fleet = new SimulatedFleet({ clock: this.#clock, stream: this.#stream, zones, weights, behaviour })
  }

  async run(): Promise<SimulationReport> {
    const clock = this.#clock
    const startMs = clock.now()
    const endMs = startMs + this.#durationMs
    this.#fleet.list(this.#fleet.start(this.#options.instances ?? 10))
    this.#runScript(startMs)
    for (let index = 0; index < (this.#options.clients ?? 10); index++) this.#newClient(index).run(endMs)
    await clock.runUntil(endMs)
    const { loads } = this.#fleet
    // Calls that have begun end at their deadline at the latest.
    await clock.runUntil(endMs + this.#timeoutMs)
    await Promise.all(this.#loadBalancers.map((loadBalancer) => loadBalancer.close()))
    for (const instance of this.#fleet.all) instance.crash()
    await clock.runUntil(clock.now() + Math.max(...this.#roundTripsMs()))
    return this.#report(loads)
  }

  #runScript(startMs: number): void {
    const clock = this.#clock
    const fleet = this.#fleet
    this.#options.script?.({
      clock,
      durationMs: this.#durationMs,
      random: this.#stream('script'),
      fleet,
      registry: fleet.registry,
      at: (elapsedMs, action) => {
        clock.setTimeout(action, startMs + elapsedMs - clock.now())
      },
      subscribe: (listener) => {
        this.#listeners.push(listener)
      },
    })
  }

  #newClient(index: number): SimulatedClient {
    const { zones = [], arrivals = 'poisson', callsPerSecond = 10 } = this.#options
    const zone = zones[index % zones.length]
    const [sameZoneMs, crossZoneMs] = this.#roundTripsMs()
    const roundTripMs = (instance: ServiceInstance): number => (instance.zone === zone ? sameZoneMs : crossZoneMs)
    return new SimulatedClient({
      index,
      loadBalancer: this.#newLoadBalancer(index, zone, roundTripMs),
      clock: this.#clock,
      random: this.#stream('client', `${index}`, 'arrivals'),
      fleet: this.#fleet,
      recorder: this.#recorder,
      hash: this.#hash,
      callsPerSecond,
      arrivals,
      timeoutMs: this.#timeoutMs,
      roundTripMs,
    })
  }

  #newLoadBalancer(
    index: number,
    zone: string | undefined,
    roundTripMs: (instance: ServiceInstance) => number,
  ): LoadBalancer {
    const { loadBalancer: given = {} } = this.#options
    const world = { clock: this.#clock, fleet: this.#fleet, roundTripMs }
    const probe = simulatedHealthProbe(world)
    const options = typeof given === 'function' ? given({ index, zone, probe }) : given
    const loadBalancer = new LoadBalancer({
      ...options,
      probing: { probe: simulatedLoadProbe(world, () => this.#probes++), ...options.probing },
      services: { [simulatedService]: {} },
      discovery: this.#fleet.registry.discovery(this.#stream('client', `${index}`, 'registry')),
      clock: this.#clock,
      random: this.#stream('client', `${index}`, 'load balancer'),
    })
    this.#loadBalancers.push(loadBalancer)
    loadBalancer.subscribe((event) => {
      const { type } = event
      for (const listener of this.#listeners) listener(event, index)
      if (type === 'request-finished') return
      this.#events.set(type, (this.#events.get(type) ?? 0) + 1)
      this.#hash.add(eventKinds.told, this.#clock.now(), index, type)
    })
    return loadBalancer
  }

  #roundTripsMs(): [sameZoneMs: number, crossZoneMs: number] {
    const { sameZoneMs = 0.5, crossZoneMs = 1.5 } = this.#options.network ?? {}
    return [sameZoneMs, crossZoneMs]
  }

  #report(loads: readonly number[]): SimulationReport {
    const { calls, succeeded, attempts, failures, seconds } = this.#recorder
    const [p50Ms = Number.NaN, p99Ms = Number.NaN, p999Ms = Number.NaN] = this.#recorder.percentilesMs([
      0.5, 0.99, 0.999,
    ])
    const meanLoad = loads.reduce((sum, load) => sum + load, 0) / loads.length
    return {
      calls,
      succeeded,
      goodput: succeeded / calls,
      succeededPerSecond: (succeeded / this.#durationMs) * 1_000,
      p50Ms,
      p99Ms,
      p999Ms,
      loadImbalance: loads.reduce((most, load) => Math.max(most, load), 0) / meanLoad,
      amplification: attempts / calls,
      probesPerCall: this.#probes / calls,
      failures,
      events: Object.fromEntries([...this.#events].sort(([left], [right]) => (left < right ? -1 : 1))),
      seconds,
      leakedTimers: this.#clock.pendingTimers,
      hash: this.#hash.digest,
    }
  }
}

function checkSimulationOptions(options: SimulationOptions): void {
  checkKeys('simulate', options, simulationKeys)
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
}
