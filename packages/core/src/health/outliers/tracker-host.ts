import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { OutlierListener, UnenforcedBecause } from './ejection.ts'
import type { OutlierDetectionSettings } from './options.ts'

/** What a tracker needs of the detector it belongs to. */
export interface TrackerHost<Tracker> {
  readonly settings: OutlierDetectionSettings
  readonly clock: Clock
  readonly random: Random
  readonly listener: OutlierListener | undefined
  /** A request was counted: at least the first one of a tracker since its window ended says so. */
  counted(): void
  /** Why no further instance may be ejected now. */
  obstacle(): UnenforcedBecause | undefined
  wentOut(tracker: Tracker): void
  cameBack(tracker: Tracker): void
}
