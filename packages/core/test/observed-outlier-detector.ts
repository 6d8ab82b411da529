import { FakeClock, seededRandom } from '@lb/testing'
import type { Clock } from '../src/base/clock.ts'
import type { Random } from '../src/base/random.ts'
import { OutlierDetector } from '../src/health/outliers/detector.ts'
import type { Ejection, OutlierListener } from '../src/health/outliers/ejection.ts'
import { type OutlierDetectionOptions, outlierDetectionSettings } from '../src/health/outliers/options.ts'
import type { OutlierTracker } from '../src/health/outliers/tracker.ts'

/** Options of outlier detection, and what a detector needs beside them. */
export interface TestedDetectorOptions extends OutlierDetectionOptions {
  readonly clock?: Clock
  readonly random?: Random
  readonly listener?: OutlierListener
  readonly usable?: () => number
  readonly known?: () => number
  readonly onBlank?: (tracker: OutlierTracker) => void
}

/** A detector on a virtual clock, unless another is given. */
export function outlierDetector(options: TestedDetectorOptions = {}): OutlierDetector {
  const { clock = new FakeClock(), random = seededRandom(1), listener, usable, known, onBlank, ...given } = options
  return new OutlierDetector({
    settings: outlierDetectionSettings(given),
    clock,
    random,
    listener,
    usable,
    known,
    onBlank,
  })
}

export interface ObservedOutlierDetector {
  readonly detector: OutlierDetector
  readonly clock: FakeClock
  /** Everything the listener was told, in words: `a ejected`, `a half-open`, `a returned by probe`. */
  readonly told: string[]
  readonly ejections: Ejection[]
  /** One for each id, in the order of the ids. */
  readonly trackers: readonly OutlierTracker[]
}

/** A detector on a virtual clock with a tracker for each id, without jitter unless given. */
export function observedOutlierDetector(
  ids: readonly string[],
  options: TestedDetectorOptions = {},
): ObservedOutlierDetector {
  const clock = new FakeClock()
  const told: string[] = []
  const ejections: Ejection[] = []
  const detector = outlierDetector({
    clock,
    jitter: 0,
    listener: {
      ejected: (ejection) => {
        ejections.push(ejection)
        told.push(`${ejection.id} ${ejection.enforced ? 'ejected' : `not ejected: ${ejection.unenforcedBecause}`}`)
      },
      halfOpen: (id) => told.push(`${id} half-open`),
      returned: (id, by) => told.push(`${id} returned by ${by}`),
    },
    ...options,
  })
  return { detector, clock, told, ejections, trackers: ids.map((id) => detector.track(id)) }
}

/** Records so many outcomes. */
export function record(tracker: OutlierTracker, outcome: 'success' | 'connect' | 'server', count: number): void {
  for (let request = 0; request < count; request++) {
    if (outcome === 'success') tracker.succeeded()
    else tracker.failed(outcome)
  }
}

export function states(trackers: readonly OutlierTracker[]): string[] {
  return trackers.map(({ state }) => state)
}

export interface ObservedPair extends ObservedOutlierDetector {
  readonly a: OutlierTracker
}

/** Two instances; `a` is the one that fails. */
export function failingPair(options: TestedDetectorOptions = {}): ObservedPair {
  const observed = observedOutlierDetector(['a', 'b'], options)
  return { ...observed, a: observed.detector.track('a') }
}

/** The same, `a` ejected for the first time and half-open now. */
export function halfOpenPair(options: TestedDetectorOptions = {}): ObservedPair {
  const observed = failingPair(options)
  observed.a.suspect('no-answer', 'it hangs')
  observed.clock.advanceSync(observed.a.ejection?.forMs ?? 0)
  return observed
}
