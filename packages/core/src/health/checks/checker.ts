import type { Clock } from '../../base/clock.ts'
import { checkFunction, hasMethod } from '../../base/option-checks.ts'
import { clockOption, randomOption, withDefaults } from '../../base/option-table.ts'
import type { Random } from '../../base/random.ts'
import { RunningClock } from '../../base/running-clock.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { httpProbe } from './http-probe.ts'
import { checkHealthCheckOptions, type HealthCheckOptions, healthCheckTable } from './options.ts'
import { type HealthState, unknownHealth } from './state.ts'
import { HealthTarget, type HealthTargetSettings, type HealthWatcher } from './target.ts'

export type { HealthState, HealthStatus } from './state.ts'

/** The active checks of one instance, for one watcher. */
export interface HealthSubscription {
  /** The current state. After `close()`, the state at that time. */
  readonly state: HealthState
  /** Ends the subscription. The probes of an instance end with its last subscription. Further calls do nothing. */
  close(): void
}

/**
 * Probes instances and reports when one becomes healthy or unhealthy. Load balancers that share a checker, and services
 * that share an instance, share its probes: there is one set for each scheme, host and port.
 *
 * One probe of an instance is in flight at a time, and every delay is jittered. Timers do not keep the process alive.
 * With the defaults, an instance that stops responding is unhealthy after at most 3 × (5 s + 2 s).
 *
 * Source: Envoy's active health checking (thresholds, first verdict, immediate failure, interval without traffic).
 */
export class HealthChecker {
  readonly #settings: HealthTargetSettings
  readonly #keepRemovedMs: number
  readonly #targets = new Map<string, HealthTarget>()
  #closed = false

  /** @throws InvalidOptionError */
  constructor(options: HealthCheckOptions & { readonly clock?: Clock | undefined; readonly random?: Random } = {}) {
    const sources = { clock: clockOption(), random: randomOption() }
    checkHealthCheckOptions('HealthChecker', options, sources)
    const { clock, random } = withDefaults(options, sources)
    const values = withDefaults(options, healthCheckTable)
    const { intervalMs } = values
    this.#settings = {
      ...values,
      probe: values.probe ?? httpProbe(values),
      idleIntervalMs: values.idleIntervalMs ?? Math.max(intervalMs, 60_000),
      initialJitterMs: values.initialJitterMs ?? Math.min(intervalMs, 1_000),
      clock,
      running: new RunningClock(clock),
      random,
    }
    this.#keepRemovedMs = values.keepRemovedMs
  }

  /** How long an instance that left the registry is kept while it passes its probes, in milliseconds. */
  get keepRemovedMs(): number {
    return this.#keepRemovedMs
  }

  /**
   * Probes `instance` until the subscription is closed. `listener` is called on every change of status, but never
   * within this call; errors that it throws are dropped. If several watchers share an address, a probe gets the
   * instance of the newest. After `close()`, nothing is probed and the status stays `unknown`.
   *
   * @param traffic number of requests to the service so far, which never falls; see `idleIntervalMs`. Without it, the
   * instance never counts as idle.
   * @param onPass called at each probe that passes while the instance is healthy, even without a change
   */
  watch(
    instance: ServiceInstance,
    listener: (state: HealthState) => void,
    traffic?: () => number,
    onPass?: () => void,
  ): HealthSubscription {
    checkFunction('HealthChecker.watch.listener', listener ?? null)
    checkFunction('HealthChecker.watch.traffic', traffic)
    checkFunction('HealthChecker.watch.onPass', onPass)
    if (this.#closed) {
      return { state: unknownHealth(this.#settings.clock.now(), 'the health checker is closed'), close: () => {} }
    }
    const key = targetKey(instance)
    const target = this.#targets.get(key) ?? new HealthTarget(this.#settings)
    this.#targets.set(key, target)
    const watcher: HealthWatcher = { instance, listener, traffic, onPass, requests: 0 }
    target.add(watcher)
    return new Subscription(target, watcher, () => {
      if (!target.watched) this.#targets.delete(key)
    })
  }

  /** Ends every probe and timer. Calling it again does nothing. */
  close(): void {
    this.#closed = true
    for (const target of this.#targets.values()) target.close()
    this.#targets.clear()
  }
}

class Subscription implements HealthSubscription {
  readonly #target: HealthTarget
  readonly #watcher: HealthWatcher
  readonly #onClose: () => void
  /** Others may go on watching the target. */
  #final: HealthState | undefined

  constructor(target: HealthTarget, watcher: HealthWatcher, onClose: () => void) {
    this.#target = target
    this.#watcher = watcher
    this.#onClose = onClose
  }

  get state(): HealthState {
    return this.#final ?? this.#target.state
  }

  close(): void {
    if (this.#final !== undefined) return
    this.#final = this.#target.state
    this.#target.remove(this.#watcher)
    if (!this.#target.watched) this.#target.close()
    this.#onClose()
  }
}

/** Whether `value` is a checker and not the options for one: of whatever copy of this package. */
export function isHealthChecker(value: unknown): value is HealthChecker {
  return hasMethod(value, 'watch')
}

/** Names of hosts do not depend on case. */
function targetKey({ secure, host, port }: ServiceInstance): string {
  return `${secure ? 'https' : 'http'}://${host.toLowerCase()}:${port}`
}
