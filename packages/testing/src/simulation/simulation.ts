import { type Criticality, LoadBalancer, type LoadBalancerEvent, type Random, type ServiceInstance } from '@lb/core'
import { CallRecorder } from './call-recorder.ts'
import { type CallSchedule, constantCalls, poissonCalls, recordedCalls } from './call-schedule.ts'
import { EventHash } from './event-hash.ts'
import { randomTree } from './random-tree.ts'
import { Replay } from './recording/replay.ts'
import { eventKinds, SimulatedClient, simulatedService } from './simulated-client.ts'
import { SimulatedFleet } from './simulated-fleet.ts'
import { simulatedHealthProbe, simulatedLoadProbe } from './simulated-probes.ts'
import { SimulationClock } from './simulation-clock.ts'
import { checkSimulationOptions, type SimulationOptions } from './simulation-options.ts'
import type { SimulationReport } from './simulation-report.ts'

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
  readonly #replay: Replay | undefined
  readonly #fleet: SimulatedFleet
  readonly #recorder = new CallRecorder()
  readonly #hash = new EventHash()
  readonly #events = new Map<string, number>()
  readonly #loadBalancers: LoadBalancer[] = []
  #probes = 0
  readonly #listeners: ((event: LoadBalancerEvent, client: number) => void)[] = []

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#replay = options.recording === undefined ? undefined : new Replay(options.recording, options.instance)
    this.#durationMs = options.durationMs ?? this.#replay?.traffic.durationMs ?? 10_000
    this.#timeoutMs = options.timeoutMs ?? this.#replay?.traffic.timeoutMs ?? 1_000
    this.#stream = randomTree(options.seed ?? 1)
    const { zones = [], weights, instance = {} } = options
    const clock = this.#clock
    const startMs = clock.now()
    const behaviour = this.#replay?.behaviour ?? instance
    const recorded = this.#replay?.responsesOf(() => clock.now() - startMs)
    this.#fleet = new SimulatedFleet({ clock, stream: this.#stream, zones, weights, behaviour, recorded })
  }

  async run(): Promise<SimulationReport> {
    const clock = this.#clock
    const startMs = clock.now()
    const endMs = startMs + this.#durationMs
    if (this.#replay === undefined) this.#fleet.list(this.#fleet.start(this.#options.instances ?? 10))
    else this.#replay.changeLists(this.#fleet, clock, startMs)
    this.#runScript(startMs)
    const clients = this.#replay === undefined ? (this.#options.clients ?? 10) : 1
    for (let index = 0; index < clients; index++) this.#newClient(index).run(endMs)
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
    const { zones = [] } = this.#options
    const zone = zones[index % zones.length]
    const [sameZoneMs, crossZoneMs] = this.#roundTripsMs()
    const roundTripMs = (instance: ServiceInstance): number => (instance.zone === zone ? sameZoneMs : crossZoneMs)
    return new SimulatedClient({
      index,
      loadBalancer: this.#newLoadBalancer(index, zone, roundTripMs),
      clock: this.#clock,
      schedule: this.#scheduleOf(index),
      nextCriticality: this.#criticalities(index),
      fleet: this.#fleet,
      recorder: this.#recorder,
      hash: this.#hash,
      failures: this.#replay?.traffic.failures ?? [],
      timeoutMs: this.#timeoutMs,
      roundTripMs,
    })
  }

  #scheduleOf(index: number): CallSchedule {
    if (this.#replay !== undefined) return recordedCalls(this.#replay.traffic.calls)
    const { arrivals, callsPerSecond = 10 } = this.#options
    const random = this.#stream('client', `${index}`, 'arrivals')
    return arrivals === 'constant' ? constantCalls(callsPerSecond, random) : poissonCalls(callsPerSecond, random)
  }

  /** Draws the class of a client's next call. */
  #criticalities(index: number): () => Criticality {
    const { critical = 0, sheddable = 0 } = this.#options.criticality ?? {}
    if (critical + sheddable === 0) return () => 'default'
    const random = this.#stream('client', `${index}`, 'criticality')
    return () => {
      const drawn = random()
      if (drawn < critical) return 'critical'
      return drawn < critical + sheddable ? 'sheddable' : 'default'
    }
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
    // Recorded times are those of a client: the network is in them.
    const [same, cross] = this.#replay === undefined ? [0.5, 1.5] : [0, 0]
    const { sameZoneMs = same, crossZoneMs = cross } = this.#options.network ?? {}
    return [sameZoneMs, crossZoneMs]
  }

  #report(loads: readonly number[]): SimulationReport {
    const { calls, succeeded, attempts, failures, seconds, byCriticality } = this.#recorder
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
      byCriticality,
      seconds,
      leakedTimers: this.#clock.pendingTimers,
      hash: this.#hash.digest,
    }
  }
}
