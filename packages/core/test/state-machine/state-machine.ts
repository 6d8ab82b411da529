import { SimulationClock } from '@lb/testing'
import {
  type ExecuteOptions,
  LoadBalancer,
  type LoadBalancerEvent,
  type PickResult,
  type ServiceInstance,
  type ServiceSnapshot,
} from '../../src/index.ts'
import { Chance } from './chance.ts'
import { CountedClock } from './counted-clock.ts'
import { EventLedger } from './event-ledger.ts'
import { type RandomOptions, randomOptions } from './random-options.ts'
import { wrongShares } from './share-oracle.ts'
import { failure, SimulatedService } from './simulated-service.ts'
import { wrongCounts, wronglyKept, wrongPick } from './snapshot-checks.ts'
import { BalancerWatch, boom } from './watched-balancer.ts'

interface Call {
  readonly deadlineMs: number
  readonly abort: AbortController
  attempts: number
  settled: boolean
}

const service = 's'
/** Balancers whose shares are exact, so that an oracle can judge them. */
const exact: ReadonlySet<string | undefined> = new Set([undefined, 'smooth-weighted-round-robin', 'random'])

/** A load balancer with random options that lives through random steps in virtual time, checked after each. */
export class StateMachine {
  /** What happened, in order: the same for the same seed. */
  readonly trace: string[] = []
  readonly violations: string[] = []
  readonly #chance: Chance
  readonly #clock = new SimulationClock()
  readonly #timers = new CountedClock(this.#clock)
  readonly #world: SimulatedService
  readonly #options: RandomOptions
  readonly #watch: BalancerWatch
  readonly #ledger: EventLedger
  readonly #lb: LoadBalancer
  readonly #calls: Call[] = []
  readonly #held: PickResult[] = []
  readonly #watched: boolean
  #closed = false
  #ending = false
  #attempts = 0
  #budgeted = 0

  constructor(seed: number) {
    const chance = new Chance(seed)
    const violated = (what: string): void => this.#violated(what)
    this.#chance = chance
    this.#world = new SimulatedService(chance, this.#clock)
    this.#options = randomOptions(
      chance,
      (instance) => this.#world.isWell(instance),
      (instance) => this.#world.loadOf(instance),
    )
    const { balancer: name, ...options } = this.#options
    const inspect = (): ServiceSnapshot => this.#lb.inspect(service)
    this.#watch = new BalancerWatch({
      name: name ?? 'round-robin',
      probing: options.probing ?? {},
      clock: this.#timers,
      chance,
      inspect,
      violated,
    })
    this.#ledger = new EventLedger({
      isPartial: this.#options.subset !== undefined,
      watch: this.#watch,
      inspect,
      violated,
    })
    this.#watched = name !== undefined && chance.is(0.8)
    const balancer = this.#watched ? () => this.#watch.newBalancer() : name
    this.#lb = new LoadBalancer({
      ...options,
      ...(balancer === undefined ? undefined : { balancer }),
      discovery: this.#world.discovery,
      clock: this.#timers,
      random: chance.random,
      services: { [service]: {} },
    })
    this.#lb.subscribe((event) => this.#heard(event))
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps && this.violations.length === 0; step++) {
      this.#step()
      await this.#pass(this.#chance.of(0, 0, 1, 10, 10, 100, 100, 1_000, 6_000))
      this.#check()
    }
    await this.#end()
  }

  #violated(...all: readonly string[]): void {
    for (const what of all) this.violations.push(`${what} (after ${this.trace.at(-1)})`)
  }

  #step(): void {
    const chance = this.#chance
    const roll = chance.integer(0, 99)
    const note = (what: string): void => void this.trace.push(`${this.#clock.now()} ${what}`)
    if (roll < 40) {
      note('calls')
      for (let call = chance.integer(1, 5); call > 0; call--) this.#call()
    } else if (roll < 52) {
      note('acquire')
      if (chance.is(0.5)) this.#acquire()
      else this.#tryAcquire()
    } else if (roll < 62) {
      note('done')
      this.#done(chance.integer(1, 4))
    } else if (roll < 72) {
      note('list')
      this.#world.changeList()
    } else if (roll < 82) {
      note('behaviour')
      this.#world.changeBehaviour()
    } else if (roll < 86) {
      note('registry')
      chance.of(
        () => this.#world.fail(),
        () => this.#world.empty(),
        () => this.#world.repeatList(),
      )()
    } else if (roll < 90) {
      note('abort')
      for (const { abort } of chance.some(this.#calls.slice(-5), 0.5)) abort.abort(boom)
    } else if (roll < 93) {
      this.#watch.throwing = chance.of(undefined, undefined, 'update', 'pick', 'started', 'finished')
      note(`throwing ${this.#watch.throwing}`)
    } else if (roll < 99) {
      note('shares')
      this.#checkShares()
    } else if (chance.is(0.3)) this.#close()
  }

  #call(): void {
    const chance = this.#chance
    const timeoutMs = chance.of(0, 20, 500, 5_000, 20_000)
    const abort = new AbortController()
    const call: Call = { deadlineMs: this.#clock.now() + timeoutMs, abort, attempts: 0, settled: false }
    this.#calls.push(call)
    const options: ExecuteOptions<Response> = {
      timeoutMs,
      signal: abort.signal,
      idempotent: chance.is(0.7),
      ...(chance.is(0.3) ? { avoid: new Set(chance.some(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], 0.4)) } : undefined),
      ...(chance.is(0.3) ? { hashKey: `key ${chance.integer(0, 20)}` } : undefined),
      ...(chance.is(0.1) ? { discard: throwing } : undefined),
      ...(chance.is(0.03) ? { classify: throwing } : undefined),
    }
    const settled = (what: string): void => {
      if (call.settled) this.violations.push('a call settled twice')
      call.settled = true
      this.trace.push(`${this.#clock.now()} ${what}`)
    }
    this.#lb
      .execute(
        service,
        (instance, context) => {
          this.#attempted(call, instance, context.previous)
          return this.#world.answer(instance, context)
        },
        options,
      )
      .then(
        ({ status }) => settled(`status ${status}`),
        (error: Error & { code?: string }) => {
          settled(error.code ?? error.message)
          if (error.code === 'LB_OVERLOADED' && call.attempts > 0)
            this.violations.push('a failure was hidden by LB_OVERLOADED')
        },
      )
  }

  #attempted(call: Call, { id, host }: ServiceInstance, previous: readonly ServiceInstance[]): void {
    call.attempts++
    this.#attempts++
    if (this.#closed) this.violations.push('an attempt after close()')
    if (call.settled) this.violations.push('an attempt of a call that has settled')
    const expected = this.#world.hosts.get(id)
    const isOutdated = this.#watch.throwing === 'update' || this.#lb.inspect(service).discoveryError !== undefined
    if (expected !== undefined && expected !== host && !isOutdated) this.#checkMoved(id, host)
    if (previous.some((tried) => tried.id === id && tried.host === host)) this.#checkRepeated(previous)
  }

  // The list may have changed between the pick and the attempt.
  #checkMoved(id: string, host: string): void {
    const known = this.#lb.inspect(service).instances.find(({ instance }) => instance.id === id)
    if (known?.instance.host === host) this.violations.push(`${id} is used at its old address`)
  }

  /** It goes to one that it tried: none of the others may have had room. */
  #checkRepeated(previous: readonly ServiceInstance[]): void {
    if (!this.#watched || this.#watch.changes !== this.#watch.changesAtStart || this.#watch.throwing !== undefined)
      return
    const { maxInFlightPerInstance = Number.POSITIVE_INFINITY } = this.#options
    if (maxInFlightPerInstance === 'adaptive') return
    for (const { instance, candidate, inFlight } of this.#lb.inspect(service).instances) {
      if (!candidate || inFlight >= maxInFlightPerInstance || previous.some(({ id }) => id === instance.id)) continue
      this.violations.push(`a further attempt repeats one, though ${instance.id} is free`)
    }
  }

  #acquire(): void {
    const signal = AbortSignal.abort(boom)
    void this.#lb.acquire(service, this.#chance.is(0.1) ? { signal } : {}).then(
      (picked) => {
        if (this.#closed) picked.done({ ok: true, latencyMs: 1 })
        else this.#held.push(picked)
      },
      (error: Error) => this.trace.push(`${this.#clock.now()} acquire: ${error.message}`),
    )
  }

  #tryAcquire(): void {
    try {
      const picked = this.#lb.tryAcquire(service)
      if (picked !== undefined) this.#held.push(picked)
    } catch (error) {
      this.trace.push(`${this.#clock.now()} tryAcquire: ${String(error)}`)
    }
  }

  #done(times: number): void {
    const chance = this.#chance
    for (const { done } of this.#held.splice(0, times)) {
      const ok = chance.is(0.6)
      const latencyMs = chance.of(1, 50, 5_000)
      if (ok) done({ ok, latencyMs, statusCode: 200 })
      else if (chance.is(0.2)) done({ ok, latencyMs, error: boom, cancelled: true })
      else done(chance.is(0.5) ? { ok, latencyMs, statusCode: 503 } : { ok, latencyMs, error: failure('ECONNRESET') })
    }
  }

  #heard(event: LoadBalancerEvent): void {
    const chance = this.#chance
    const which =
      event.type === 'callback-failed' ? ` ${event.callback}` : 'instance' in event ? ` ${event.instance.id}` : ''
    this.trace.push(`${this.#clock.now()} ${event.type}${which}`)
    this.#ledger.heard(event)
    if (event.type === 'retry' || event.type === 'hedge') this.#budgeted++
    if (this.#closed || this.#ending || chance.is(0.7)) return
    this.#violated(...wrongPick(this.#lb, service))
    if (chance.is(0.05)) this.#acquire()
    if (chance.is(0.002)) this.#close()
    if (chance.is(0.1)) throw boom
  }

  #checkShares(): void {
    const { balancer } = this.#options
    const { throwing, refusing } = this.#watch
    if (this.#closed || throwing !== undefined || refusing.size > 0 || !exact.has(balancer)) return
    const { instances, status } = this.#lb.inspect(service)
    if (status === 'waiting' || instances.every(({ candidate }) => !candidate)) return
    this.violations.push(...wrongShares(this.#lb, service))
  }

  #close(): void {
    this.trace.push('close')
    this.#closed = true
    void this.#lb.close()
  }

  async #pass(ms: number): Promise<void> {
    await this.#clock.runUntil(this.#clock.now() + ms)
  }

  #check(): void {
    const now = this.#clock.now()
    const violated = (what: string): void => this.#violated(what)
    if (this.#calls.some(({ settled, deadlineMs }) => !settled && deadlineMs < now))
      violated('a call outlives its deadline')
    if (this.#closed) return
    const watch = this.#watched ? this.#watch : undefined
    const hosts = this.#watch.throwing === 'update' ? new Map<string, string>() : this.#world.hosts
    this.#violated(
      ...wrongCounts(this.#lb.inspect(service), this.#options, watch),
      ...wronglyKept(this.#lb.inspect(service), hosts),
    )
    const { outlierDetection } = this.#options
    this.#ledger.check(outlierDetection === false ? 0 : (outlierDetection?.maxEjectionPercent ?? 10))
    if (this.#attempts > this.#calls.length + this.#budgeted) violated('more attempts than calls, retries and hedges')
  }

  /** Everything ends, and nothing is left. */
  async #end(): Promise<void> {
    this.#ending = true
    this.#watch.throwing = undefined
    if (this.violations.length > 0) return
    this.#done(this.#held.length)
    await this.#pass(40_000)
    this.#done(this.#held.length)
    await this.#pass(0)
    if (!this.#closed) {
      const { inFlight, queued } = this.#lb.inspect(service)
      if (inFlight + queued > 0) this.violations.push(`at the end ${inFlight} in flight, ${queued} queued`)
    }
    if (this.#watched && this.#watch.started !== this.#watch.finished) this.violations.push('started is not finished')
    if (!this.#closed) this.#close()
    await this.#pass(40_000)
    if (this.#calls.some(({ settled }) => !settled)) this.violations.push('a call never settled')
    if (this.#timers.left > 0) this.violations.push(`${this.#timers.left} timers are left after close()`)
    if (this.#world.discovery.watchers > 0) this.violations.push('a watch is left after close()')
  }
}

function throwing(): never {
  throw boom
}
