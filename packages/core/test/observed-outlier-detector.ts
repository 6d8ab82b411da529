import { FakeClock } from '@lb/testing'
import { OutlierDetector, type OutlierDetectorOptions } from '../src/health/outliers/detector.ts'
import type { Ejection } from '../src/health/outliers/ejection.ts'
import type { OutlierTracker } from '../src/health/outliers/tracker.ts'

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
  options: OutlierDetectorOptions = {},
): ObservedOutlierDetector {
  const clock = new FakeClock()
  const told: string[] = []
  const ejections: Ejection[] = []
  const detector = new OutlierDetector({
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
export function failingPair(options: OutlierDetectorOptions = {}): ObservedPair {
  const observed = observedOutlierDetector(['a', 'b'], options)
  return { ...observed, a: observed.detector.track('a') }
}

/** The same, `a` ejected for the first time and half-open now. */
export function halfOpenPair(options: OutlierDetectorOptions = {}): ObservedPair {
  const observed = failingPair(options)
  observed.a.suspect('no-answer', 'it hangs')
  observed.clock.advanceSync(observed.a.ejection?.forMs ?? 0)
  return observed
}
