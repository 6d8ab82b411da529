import type { Clock } from '../../base/clock.ts'
import { jittered, type Random } from '../../base/random.ts'
import type { RunningClock } from '../../base/running-clock.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { HealthObserver, HealthProbe } from './options.ts'
import { type HealthState, type HealthThresholds, isStablyHealthy, nextHealth, unknownHealth } from './state.ts'
import { type ProbeVerdict, verdictOfError, verdictOfResult, verdictOfTimeout } from './verdict.ts'

export interface HealthTargetSettings extends HealthThresholds {
  readonly probe: HealthProbe
  readonly intervalMs: number
  readonly idleIntervalMs: number
  readonly timeoutMs: number
  readonly jitter: number
  readonly initialJitterMs: number
  readonly clock: Clock
  /** Measures the time limits of probes. */
  readonly running: RunningClock
  readonly random: Random
}

/** A subscriber to the health of an instance. */
export interface HealthWatcher {
  readonly instance: ServiceInstance
  readonly listener: (state: HealthState) => void
  /** Requests so far; absent: there is always traffic. */
  readonly traffic: (() => number) | undefined
  /** Called at each probe that passes while the instance is healthy. */
  readonly onPass: (() => void) | undefined
  /** What `traffic` said last. */
  requests: number
}

/**
 * One address that is probed, for all watchers.
 *
 * It wakes up every `intervalMs`. A wake-up sends a probe, unless the instance is stably healthy, no watcher had a
 * request since the wake-up before, and `idleIntervalMs` is not over: so traffic that comes back is noticed within
 * `intervalMs`, and an instance that is unknown, unhealthy or wavering is never left alone for long. One that announces its health is
 * probed every `idleIntervalMs`: a process that hangs announces nothing.
 */
export class HealthTarget {
  readonly #settings: HealthTargetSettings
  #watchers: readonly HealthWatcher[] = []
  #state: HealthState
  /** Of the probe in flight. */
  #controller: AbortController | undefined
  #cancelTimer: () => void = () => {}
  /** How much of the idle interval is left. Counted down instead of read from the clock, so that rounding plays no part. */
  #idleLeftMs = 0
  /** What the probe has open to follow the instance. */
  #watch: { close(): void } | undefined
  /** Whether the instance announces its health. */
  #announced = false
  #closed = false

  constructor(settings: HealthTargetSettings) {
    this.#settings = settings
    this.#state = unknownHealth(settings.clock.now())
    // Spread over the whole of it, whatever `jitter` says.
    this.#wakeUpIn(jittered(settings.initialJitterMs, 1, settings.random))
  }

  get state(): HealthState {
    return this.#state
  }

  get watched(): boolean {
    return this.#watchers.length > 0
  }

  add(watcher: HealthWatcher): void {
    watcher.requests = requestsOf(watcher)
    this.#watchers = [...this.#watchers, watcher]
  }

  remove(watcher: HealthWatcher): void {
    this.#watchers = this.#watchers.filter((other) => other !== watcher)
  }

  /** Ends its timer and the probe in flight. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watchers = []
    this.#cancelTimer()
    this.#controller?.abort()
    this.#watch?.close()
  }

  #wakeUpIn(delayMs: number): void {
    this.#cancelTimer = this.#settings.clock.setTimeout(() => this.#wakeUp(), delayMs, { background: true })
  }

  #wakeUp(): void {
    const hadTraffic = this.#hadTraffic()
    const idle = (this.#announced || !hadTraffic) && isStablyHealthy(this.#state)
    if (idle && this.#idleLeftMs > 0) this.#wait()
    else this.#probe()
  }

  #wait(): void {
    const { intervalMs, jitter, random } = this.#settings
    const delayMs = Math.min(jittered(intervalMs, jitter, random), this.#idleLeftMs)
    this.#idleLeftMs -= delayMs
    this.#wakeUpIn(delayMs)
  }

  #hadTraffic(): boolean {
    let moved = false
    for (const watcher of this.#watchers) {
      const requests = requestsOf(watcher)
      // NaN differs from itself: a watcher that cannot say has traffic.
      if (requests !== watcher.requests) moved = true
      watcher.requests = requests
    }
    return moved
  }

  #probe(): void {
    const { running, probe, timeoutMs } = this.#settings
    const instance = this.#watchers.at(-1)?.instance
    if (instance === undefined) return
    const controller = new AbortController()
    this.#controller = controller
    // The first to settle clears `#controller`; anything later finds another one there and is dropped.
    const settle = (verdict: ProbeVerdict): void => {
      if (this.#controller !== controller || this.#closed) return
      this.#controller = undefined
      this.#cancelTimer()
      this.#learn(verdict)
    }
    this.#cancelTimer = running.setTimeout(
      () => {
        settle(verdictOfTimeout(timeoutMs))
        controller.abort()
      },
      timeoutMs,
      { background: true },
    )
    new Promise<unknown>((resolve) => {
      resolve(probe(instance, { signal: controller.signal }))
    })
      .then(verdictOfResult)
      .then(settle, (cause: unknown) => settle(verdictOfError(cause)))
  }

  #learn(verdict: ProbeVerdict): void {
    const { idleIntervalMs, jitter, random } = this.#settings
    // Before the listeners, which may close this.
    this.#idleLeftMs = jittered(idleIntervalMs, jitter, random)
    this.#wait()
    if (verdict.healthy) this.#follow()
    this.#apply(verdict)
  }

  #follow(): void {
    const { probe } = this.#settings
    const instance = this.#watchers.at(-1)?.instance
    if (this.#watch !== undefined || probe.watch === undefined || instance === undefined) return
    const observer: HealthObserver = {
      next: (result) => {
        if (this.#closed) return
        this.#announced = true
        this.#apply({ ...verdictOfResult(result), immediate: true })
      },
      lost: () => {
        if (this.#closed || !this.#announced) return
        this.#announced = false
        if (this.#controller !== undefined) return
        this.#cancelTimer()
        this.#probe()
      },
    }
    try {
      this.#watch = probe.watch(instance, observer)
    } catch {
      // Probes say what there is to know.
      this.#watch = { close: () => {} }
    }
  }

  #apply(verdict: ProbeVerdict): void {
    const before = this.#state
    const state = nextHealth(before, verdict, this.#settings, this.#settings.clock.now())
    this.#state = state
    if (state.status !== before.status) this.#notify((watcher) => watcher.listener(state))
    if (verdict.healthy && state.status === 'healthy') this.#notify((watcher) => watcher.onPass?.())
  }

  #notify(notify: (watcher: HealthWatcher) => void): void {
    for (const watcher of this.#watchers) {
      // It may have been removed by one before it.
      if (!this.#watchers.includes(watcher)) continue
      try {
        notify(watcher)
      } catch {
        // The listener's mistake is no reason to stop probing, and it cannot be reported here.
      }
    }
  }
}

function requestsOf({ traffic }: HealthWatcher): number {
  try {
    return traffic?.() ?? Number.NaN
  } catch {
    return Number.NaN
  }
}
