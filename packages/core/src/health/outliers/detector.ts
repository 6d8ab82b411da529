import type { Clock } from '../../base/clock.ts'
import { hasMethod, rejectOption } from '../../base/option-checks.ts'
import {
  checkOptions,
  clockOption,
  functionOption,
  type Option,
  type OptionTable,
  randomOption,
  withDefaults,
} from '../../base/option-table.ts'
import type { Random } from '../../base/random.ts'
import type { OutlierListener, UnenforcedBecause } from './ejection.ts'
import {
  type OutlierDetectionOptions,
  type OutlierDetectionSettings,
  outlierDetectionSettings,
  outlierDetectionTable,
} from './options.ts'
import { RequestWindow } from './request-window.ts'
import { statisticalOutliers } from './statistical-outliers.ts'
import { OutlierTracker } from './tracker.ts'
import type { TrackerHost } from './tracker-host.ts'

/** Options of an `OutlierDetector` outside a load balancer. */
export interface OutlierDetectorOptions extends OutlierDetectionOptions {
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1), for jitter. @default Math.random */
  readonly random?: Random | undefined
  /** Receives every change. @default undefined */
  readonly listener?: OutlierListener | undefined
  /**
   * The number of instances that could take requests now, including the one in question.
   * @default the number of instances that are not ejected
   */
  readonly usable?: (() => number) | undefined
}

const listenerOption: Option<OutlierListener> = {
  legal: 'object with ejected, halfOpen and returned',
  check: (path, given) => {
    if (given === undefined || ['ejected', 'halfOpen', 'returned'].every((name) => hasMethod(given, name))) return
    rejectOption(path, 'an object with ejected, halfOpen and returned', given)
  },
}

const detectorTable: OptionTable<OutlierDetectorOptions, 'listener' | 'usable'> = {
  ...outlierDetectionTable,
  clock: clockOption(),
  random: randomOption(),
  listener: listenerOption,
  usable: functionOption(),
}

/**
 * Ejects instances of one service because of the outcomes of their requests, for a time that grows with each ejection,
 * and lets them return by a single probe.
 *
 * At most max(1, floor(`maxEjectionPercent` × known / 100)) instances are ejected at once, and never the last one: with
 * 2 to 9 instances one can be ejected, and a single instance never. This also holds when instances are removed: those
 * that were ejected the longest return. So report new instances (`track`) before removed ones (`untrack`).
 *
 * There is no timer unless requests were counted within the last interval or an instance is ejected. No timer keeps the
 * process alive.
 *
 * Source: Envoy's outlier detection and gRFC A50, but also effective in small services.
 */
export class OutlierDetector {
  readonly #settings: OutlierDetectionSettings
  readonly #trackers = new Map<string, OutlierTracker>()
  /** Ejected or half-open, the longest out first. */
  readonly #out = new Set<OutlierTracker>()
  readonly #window: RequestWindow
  readonly #usable: (() => number) | undefined
  readonly #host: TrackerHost<OutlierTracker>
  #closed = false

  /** @throws InvalidOptionError */
  constructor(options: OutlierDetectorOptions = {}) {
    checkOptions('OutlierDetector', options, detectorTable)
    const { clock, random, listener, usable, ...detection } = withDefaults(options, detectorTable)
    const settings = outlierDetectionSettings(detection)
    const { intervalMs, jitter } = settings
    this.#settings = settings
    this.#usable = usable
    this.#window = new RequestWindow({
      lengthMs: intervalMs,
      jitter,
      clock,
      random,
      onEnd: (outdated) => this.#endWindow(outdated),
    })
    const counting = settings.failurePercentage !== undefined || settings.successRate !== undefined
    this.#host = {
      settings,
      clock,
      random,
      listener,
      counted: counting ? () => this.#window.open() : () => {},
      obstacle: () => this.#obstacle(),
      wentOut: (tracker) => this.#out.add(tracker),
      cameBack: (tracker) => this.#out.delete(tracker),
    }
  }

  /** The tracker of an instance: a newcomer's is neutral, the same id gives the same one. Inert after `close()`. */
  track(id: string): OutlierTracker {
    const known = this.#trackers.get(id)
    if (known !== undefined) return known
    const tracker = new OutlierTracker(id, this.#host)
    if (this.#closed) tracker.detach()
    else this.#trackers.set(id, tracker)
    return tracker
  }

  /** The id is that of another instance now: a neutral tracker takes the place of the one that was. */
  renew(id: string): OutlierTracker {
    const before = this.#trackers.get(id)
    if (before !== undefined) {
      this.#out.delete(before)
      before.detach()
      this.#trackers.delete(id)
    }
    return this.track(id)
  }

  /** The instance is gone, and everything known of it. */
  untrack(id: string): void {
    const tracker = this.#trackers.get(id)
    if (tracker === undefined) return
    this.#trackers.delete(id)
    this.#out.delete(tracker)
    tracker.detach()
    this.#returnExcess()
  }

  /** Drops all instances; no timer is left, and none starts any more. */
  close(): void {
    this.#closed = true
    this.#window.close()
    for (const tracker of this.#trackers.values()) tracker.detach()
    this.#trackers.clear()
    this.#out.clear()
  }

  get #cap(): number {
    const { maxEjectionPercent } = this.#settings
    return maxEjectionPercent === 0 ? 0 : Math.max(1, Math.floor((maxEjectionPercent * this.#trackers.size) / 100))
  }

  #obstacle(): UnenforcedBecause | undefined {
    if (!this.#settings.enforce) return 'not-enforcing'
    if (this.#out.size >= this.#cap) return 'cap'
    const inUse = this.#trackers.size - this.#out.size
    return inUse > 1 && (this.#usable === undefined || this.#usable() > 1) ? undefined : 'last-usable'
  }

  #returnExcess(): void {
    for (const tracker of this.#out) {
      if (this.#out.size <= this.#cap && this.#out.size < this.#trackers.size) return
      tracker.uneject('removed-cap')
    }
  }

  #endWindow(outdated: boolean): void {
    const trackers = Array.from(this.#trackers.values())
    const outliers = outdated ? [] : statisticalOutliers(trackers, this.#settings)
    for (const tracker of trackers) tracker.clearWindow()
    for (const { subject, reason, detail } of outliers) subject.suspect(reason, detail)
  }
}
