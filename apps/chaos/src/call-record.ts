import type { LoadBalancerEvent } from '@lb/core'
import { AttemptWindows } from './attempt-windows.ts'
import type { Ejection, PhaseFigures } from './fault-result.ts'
import { Latencies } from './latencies.ts'

export type PhaseName = 'warm-up' | 'fault' | 'after' | 'return'

export type DiscoveryEventType = 'discovery-failed' | 'empty-list-held' | 'list-expired'

/** A request that takes longer waited for an instance that did not answer. */
const waitMs = 250

class PhaseRecord {
  readonly startedAtMs: number
  readonly latencies: Latencies = new Latencies()
  requests = 0
  failed = 0
  attempts = 0
  slowestFailureMs = 0

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs
  }

  figures(): PhaseFigures {
    const { requests, failed, attempts, latencies } = this
    const long = latencies.above(waitMs)
    return {
      requests,
      failed,
      attempts,
      p50Ms: round(latencies.quantile(0.5)),
      p99Ms: round(latencies.quantile(0.99)),
      waits: { count: long.count, medianMs: round(long.quantile(0.5)), slowestMs: round(long.quantile(1)) },
    }
  }
}

/** What happened to one load balancer: its requests by the phase they began in, its attempts, its ejections. */
export class CallRecord {
  readonly #ids: readonly string[]
  readonly #phases = new Map<PhaseName, PhaseRecord>()
  readonly #errors = new Map<string, number>()
  readonly #ejections: Ejection[] = []
  readonly #discoveryEvents = new Map<DiscoveryEventType, number>()
  #phase: PhaseRecord
  #failedAttempts = 0
  #windows: AttemptWindows | undefined

  constructor(ids: readonly string[]) {
    this.#ids = ids
    this.#phase = this.enter('warm-up')
  }

  enter(name: PhaseName): PhaseRecord {
    const now = performance.now()
    if (name === 'fault') this.#windows = new AttemptWindows(this.#ids.length, now)
    this.#phase = new PhaseRecord(now)
    this.#phases.set(name, this.#phase)
    return this.#phase
  }

  /** Counts a request; the function given back is called when it is over, with an error's code when it failed. */
  request(): (code?: string) => void {
    const phase = this.#phase
    const startedAtMs = performance.now()
    phase.requests++
    return (code) => {
      const latencyMs = performance.now() - startedAtMs
      phase.latencies.add(latencyMs)
      if (code === undefined) return
      phase.failed++
      phase.slowestFailureMs = Math.max(phase.slowestFailureMs, latencyMs)
      this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1)
    }
  }

  readonly onEvent = (event: LoadBalancerEvent): void => {
    const now = performance.now()
    if (event.type === 'request-finished') {
      if (!event.outcome.ok) this.#failedAttempts++
      const startedAtMs = now - event.outcome.latencyMs
      for (const phase of [...this.#phases.values()].reverse()) {
        if (phase.startedAtMs > startedAtMs) continue
        phase.attempts++
        break
      }
      this.#windows?.add(this.#ids.indexOf(event.instance.id), startedAtMs, event.outcome.ok)
    } else if (event.type === 'instance-ejected') {
      const { instance, reason, enforced, forMs } = event
      this.#ejections.push({ instance: instance.id, reason, enforced, forMs, afterMs: this.#sinceFault(now) })
    } else if (event.type === 'instance-returned') {
      const ejection = this.#ejections.findLast((each) => each.instance === event.instance.id && each.enforced)
      if (ejection !== undefined) ejection.returnedAfterMs = this.#sinceFault(now)
    } else if (event.type === 'discovery-failed' || event.type === 'empty-list-held' || event.type === 'list-expired') {
      this.#discoveryEvents.set(event.type, (this.#discoveryEvents.get(event.type) ?? 0) + 1)
    }
  }

  get requests(): number {
    return this.#sum(({ requests }) => requests)
  }

  get failed(): number {
    return this.#sum(({ failed }) => failed)
  }

  get failedAttempts(): number {
    return this.#failedAttempts
  }

  get slowestFailureMs(): number {
    return Math.max(...Array.from(this.#phases.values(), ({ slowestFailureMs }) => slowestFailureMs))
  }

  get errors(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#errors)
  }

  get ejections(): readonly Ejection[] {
    return this.#ejections
  }

  get discoveryEvents(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#discoveryEvents)
  }

  figures(name: PhaseName): PhaseFigures {
    return (this.#phases.get(name) ?? new PhaseRecord(0)).figures()
  }

  /** Milliseconds from the fault's beginning to its end. */
  get faultMs(): number {
    return this.startOf('after') - this.startOf('fault')
  }

  /** See `AttemptWindows.awayAfterMs`; up to the end of the first ejection, when the instance is to be tried again. */
  awayAfterMs(instance: number): number | undefined {
    const first = this.firstEjection(instance)
    const ejectedMs = first === undefined ? Number.POSITIVE_INFINITY : first.afterMs + first.forMs
    return this.#windows?.awayAfterMs(instance, this.startOf('fault') + Math.min(ejectedMs, this.faultMs))
  }

  firstEjection(instance: number): Ejection | undefined {
    const id = this.#ids[instance]
    return this.#ejections.find((each) => each.instance === id && each.enforced)
  }

  /** See `AttemptWindows.backAfterMs`; counted from the fault's end. An ejection that comes later still is waited for. */
  backAfterMs(instance: number, untilMs: number): number | undefined {
    const lateMs = Math.max(0, (this.#lastEjection(instance)?.afterMs ?? 0) - this.faultMs)
    const backMs = this.#windows?.backAfterMs(instance, this.startOf('after') + lateMs, untilMs)
    return backMs === undefined ? undefined : lateMs + backMs
  }

  /** Milliseconds from the fault's end until the last ejection of an instance is over; at least 0. */
  ejectionOverAfterMs(instance: number): number {
    const last = this.#lastEjection(instance)
    return last === undefined ? 0 : Math.max(0, last.afterMs + last.forMs - this.faultMs)
  }

  #lastEjection(instance: number): Ejection | undefined {
    const id = this.#ids[instance]
    return this.#ejections.findLast((each) => each.instance === id && each.enforced)
  }

  #sinceFault(now: number): number {
    return now - this.startOf('fault')
  }

  startOf(name: PhaseName): number {
    return this.#phases.get(name)?.startedAtMs ?? Number.NaN
  }

  #sum(of: (phase: PhaseRecord) => number): number {
    return Array.from(this.#phases.values(), of).reduce((sum, each) => sum + each, 0)
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
