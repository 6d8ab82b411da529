import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { OutlierListener, UnenforcedBecause } from './ejection.ts'
import type { OutlierDetectionSettings } from './options.ts'
import { RequestWindow } from './request-window.ts'
import { statisticalOutliers } from './statistical-outliers.ts'
import { OutlierTracker } from './tracker.ts'
import type { TrackerHost } from './tracker-host.ts'

export interface OutlierDetectorOptions {
  readonly settings: OutlierDetectionSettings
  readonly clock: Clock
  /** For jitter. */
  readonly random: Random
  /** Receives every change. */
  readonly listener?: OutlierListener | undefined
  /**
   * The number of instances that could take requests now, including the one in question.
   * @default the number of instances that are not ejected
   */
  readonly usable?: (() => number) | undefined
  /** The number of instances there are, whether or not they have a tracker yet. @default the number of trackers */
  readonly known?: (() => number) | undefined
  /** At the end of an interval: the tracker says no more than a new one would, and is dropped. @default none is */
  readonly onBlank?: ((tracker: OutlierTracker) => void) | undefined
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
export class OutlierDetector implements TrackerHost<OutlierTracker> {
  readonly settings: OutlierDetectionSettings
  readonly clock: Clock
  readonly random: Random
  readonly listener: OutlierListener | undefined
  readonly #trackers = new Map<string, OutlierTracker>()
  /** Ejected or half-open, the longest out first. */
  readonly #out = new Set<OutlierTracker>()
  /** `undefined`: nothing is judged by what is counted. */
  readonly #window: RequestWindow | undefined
  readonly #usable: (() => number) | undefined
  readonly #known: () => number
  readonly #onBlank: ((tracker: OutlierTracker) => void) | undefined
  #closed = false

  constructor({ settings, clock, random, listener, usable, known, onBlank }: OutlierDetectorOptions) {
    this.settings = settings
    this.clock = clock
    this.random = random
    this.listener = listener
    this.#usable = usable
    this.#onBlank = onBlank
    this.#known = known ?? (() => this.#trackers.size)
    const { intervalMs: lengthMs, jitter, failurePercentage, successRate } = settings
    if (failurePercentage === undefined && successRate === undefined) return
    const onEnd = (outdated: boolean): void => this.#endWindow(outdated)
    this.#window = new RequestWindow({ lengthMs, jitter, clock, random, onEnd })
  }

  /** For its trackers, as are the next three. */
  counted(): void {
    this.#window?.open()
  }

  wentOut(tracker: OutlierTracker): void {
    this.#out.add(tracker)
  }

  cameBack(tracker: OutlierTracker): void {
    this.#out.delete(tracker)
  }

  obstacle(): UnenforcedBecause | undefined {
    if (!this.settings.enforce) return 'not-enforcing'
    if (this.#out.size >= this.#cap) return 'cap'
    const inUse = this.#known() - this.#out.size
    return inUse > 1 && (this.#usable === undefined || this.#usable() > 1) ? undefined : 'last-usable'
  }

  /** The tracker of an instance: a newcomer's is neutral, the same id gives the same one. Inert after `close()`. */
  track(id: string): OutlierTracker {
    const known = this.#trackers.get(id)
    if (known !== undefined) return known
    const tracker = new OutlierTracker(id, this)
    if (this.#closed) tracker.detach()
    else this.#trackers.set(id, tracker)
    return tracker
  }

  /** The instance is gone, and everything known of it. */
  untrack(id: string): void {
    this.forget(id)
    this.#returnExcess()
  }

  /** The id is that of another instance now, of which nothing is known. */
  forget(id: string): void {
    const tracker = this.#trackers.get(id)
    if (tracker === undefined) return
    this.#trackers.delete(id)
    this.#out.delete(tracker)
    tracker.detach()
  }

  /** Drops all instances; no timer is left, and none starts any more. */
  close(): void {
    this.#closed = true
    this.#window?.close()
    for (const tracker of this.#trackers.values()) tracker.detach()
    this.#trackers.clear()
    this.#out.clear()
  }

  get #cap(): number {
    const { maxEjectionPercent } = this.settings
    return maxEjectionPercent === 0 ? 0 : Math.max(1, Math.floor((maxEjectionPercent * this.#known()) / 100))
  }

  #returnExcess(): void {
    for (const tracker of this.#out) {
      if (this.#out.size <= this.#cap && this.#out.size < this.#known()) return
      tracker.uneject('removed-cap')
    }
  }

  #endWindow(outdated: boolean): void {
    const trackers = Array.from(this.#trackers.values())
    const outliers = outdated ? [] : statisticalOutliers(trackers, this.settings)
    for (const tracker of trackers) tracker.clearWindow()
    for (const { subject, reason, detail } of outliers) subject.suspect(reason, detail)
    for (const tracker of trackers) this.#dropBlank(tracker)
  }

  #dropBlank(tracker: OutlierTracker): void {
    if (this.#onBlank === undefined || !tracker.isBlank) return
    this.#trackers.delete(tracker.id)
    this.#onBlank(tracker)
  }
}
