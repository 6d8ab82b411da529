import { setTimeout as sleep } from 'node:timers/promises'
import { LoadBalancer } from '@lb/core'
import { BackendProcess } from './backend-process.ts'
import { CallRecord, type PhaseName } from './call-record.ts'
import { CallerLoad } from './caller-load.ts'
import type { Client } from './client.ts'
import type { FaultFigures, FaultResult } from './fault-result.ts'
import type { Fault } from './faults.ts'
import { heapInUse } from './heap.ts'
import type { Load } from './load.ts'
import { OpenLoopLoad } from './open-loop-load.ts'
import { deadlineMs, probeMs, promisesOf, victimId } from './promises.ts'
import { Registry } from './registry.ts'
import { clientOf, type Transport } from './transport.ts'

export interface ExperimentOptions {
  readonly fault: Fault
  readonly transport: Transport
  readonly long: boolean
  readonly onPhase?: (phase: PhaseName) => void
}

const ids = ['a', 'b', 'c', 'd', 'e'] as const
const victim = ids.indexOf(victimId)
const warmUpMs = 2_500
const ratePerSecond = 500
/** While it waits for an instance to come back, other faults are being measured. */
const waitingRatePerSecond = 100
const afterMs = { short: 2_500, long: 10_000 }
const heapIntervalMs = 3_000
const checkIntervalMs = 500
/** Two windows over which a share is told, and what is in flight meanwhile. */
const observationMs = 3_000

/** One fault, on backends and a load balancer of its own. */
export class Experiment {
  readonly #fault: Fault
  readonly #form: 'short' | 'long'
  readonly #onPhase: (phase: PhaseName) => void
  readonly #transport: Transport
  readonly #backends: readonly BackendProcess[]
  readonly #registry: Registry
  readonly #lb: LoadBalancer
  readonly #record = new CallRecord(ids)
  readonly #heap: number[] = []
  #client: Client | undefined
  #load: Load | undefined
  #maxLagMs = 0

  constructor({ fault, transport, long, onPhase = () => {} }: ExperimentOptions) {
    this.#fault = fault
    this.#transport = transport
    this.#backends = ids.map((id) => new BackendProcess(id, transport))
    this.#registry = new Registry(this.#backends)
    // The defaults, and nothing else, are what is on trial.
    this.#lb = new LoadBalancer({ discovery: this.#registry })
    this.#form = long ? 'long' : 'short'
    this.#onPhase = onPhase
  }

  /** Warm-up, fault and a while after it, under full load. */
  async inflict(): Promise<void> {
    const { warmUpRate = ratePerSecond, durationMs, bounded, posts } = this.#fault
    const burst = bounded !== undefined && 'burst' in bounded ? bounded.burst : 0
    await Promise.all(this.#backends.map((backend) => backend.start()))
    await this.#lb.ready('user-service')
    this.#lb.subscribe(this.#record.onEvent)
    this.#client = clientOf(this.#transport, this.#lb, bounded === undefined ? deadlineMs : 0)
    const { send } = this.#client
    this.#enter('warm-up')
    this.#load =
      bounded !== undefined && 'callers' in bounded
        ? new CallerLoad(send, this.#record, bounded.callers)
        : new OpenLoopLoad(send, this.#record, warmUpRate, posts)
    await sleep(warmUpMs)
    this.#load.setRate(burst === 0 ? ratePerSecond : 0)
    this.#enter('fault')
    const stopWatching = this.#watchHeap()
    const fault = this.#fault.inflict({
      backends: this.#backends,
      victim: this.#backends[victim] as BackendProcess,
      registry: this.#registry,
      durationMs: durationMs[this.#form === 'long' ? 1 : 0],
    })
    for (let request = 0; request < burst; request++) this.#load.sendOne()
    await fault
    stopWatching()
    this.#enter('after')
    this.#load.setRate(ratePerSecond)
    await sleep(afterMs[this.#form])
    this.#maxLagMs = this.#load.maxLagMs
  }

  /** A little load goes on until the instances that were struck have their share again. */
  async awaitReturn(): Promise<FaultResult> {
    const load = this.#load as Load
    load.setRate(waitingRatePerSecond)
    this.#enter('return')
    const endedAtMs = this.#record.startOf('after')
    let backMs: number | undefined
    for (;;) {
      const now = performance.now()
      backMs = this.#backMs(now)
      if (backMs !== undefined || now > endedAtMs + this.#ejectionOverMs() + probeMs + observationMs) break
      await sleep(checkIntervalMs)
    }
    await load.stop()
    const figures = this.#figures(backMs)
    const promises = promisesOf(this.#fault, figures)
    return { ...figures, ok: promises.every(({ kept }) => kept), promises }
  }

  /** Closing it again does nothing. */
  async close(): Promise<void> {
    await this.#load?.stop()
    this.#client?.close()
    await this.#lb.close()
    await Promise.all(this.#backends.map((backend) => backend.kill()))
  }

  #enter(phase: PhaseName): void {
    this.#record.enter(phase)
    this.#onPhase(phase)
  }

  /** From when what was in flight as the fault began is over. */
  #watchHeap(): () => void {
    if (this.#fault.heap !== true) return () => {}
    const sample = (): unknown => this.#heap.push(heapInUse())
    let interval: NodeJS.Timeout | undefined
    const first = setTimeout(() => {
      sample()
      interval = setInterval(sample, heapIntervalMs)
    }, 1.5 * deadlineMs)
    return () => {
      clearTimeout(first)
      clearInterval(interval)
    }
  }

  /** Indices of the instances that the fault strikes. */
  get #struck(): readonly number[] {
    if (this.#fault.struck === 'none') return []
    return this.#fault.struck === 'one' ? [victim] : [...ids.keys()]
  }

  #ejectionOverMs(): number {
    return Math.max(0, ...this.#struck.map((instance) => this.#record.ejectionOverAfterMs(instance)))
  }

  /** When the last of the instances is back; at once when none was away. */
  #backMs(now: number): number | undefined {
    const times = this.#struck.map((instance) => this.#record.backAfterMs(instance, now - checkIntervalMs))
    return times.includes(undefined) ? undefined : Math.max(0, ...times.map(Number))
  }

  #figures(backMs: number | undefined): FaultFigures {
    const record = this.#record
    const during = record.figures('fault')
    const one = this.#fault.struck === 'one'
    const awayMs = one ? record.awayAfterMs(victim) : undefined
    const firstEjectionMs = one ? record.firstEjection(victim)?.afterMs : undefined
    return {
      name: this.#fault.name,
      requests: record.requests,
      failed: record.failed,
      errors: record.errors,
      failedAttempts: record.failedAttempts,
      slowestFailureMs: record.slowestFailureMs,
      during,
      after: record.figures('after'),
      extraAttempts: during.attempts - during.requests,
      faultMs: record.faultMs,
      ...(awayMs === undefined ? undefined : { awayMs }),
      ...(firstEjectionMs === undefined ? undefined : { firstEjectionMs }),
      ...(backMs === undefined || this.#fault.struck === 'none' ? undefined : { backMs }),
      ejectionOverMs: this.#ejectionOverMs(),
      ejections: record.ejections,
      discoveryEvents: record.discoveryEvents,
      heap: this.#heap,
      maxLagMs: this.#maxLagMs,
    }
  }
}
