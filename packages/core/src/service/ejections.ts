import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { OutlierDetector } from '../health/outliers/detector.ts'
import type { Ejection, EjectionReason, OutlierListener, ReturnedBy } from '../health/outliers/ejection.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { InstanceRecord } from './record.ts'

export interface EjectionsOptions {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly events: EventChannel
  readonly records: ReadonlyMap<string, InstanceRecord>
  /** How many instances could take requests now. */
  readonly usable: () => number
  /** An instance was ejected, may be tried, or is back. */
  readonly onChange: () => void
  readonly onReturned: (record: InstanceRecord) => void
}

const unreachable: ReadonlySet<EjectionReason> = new Set(['consecutive-connect-errors', 'no-answer', 'failed-probe'])

/** The ejected instances of one service: the outlier detector, its events, and the instances that wait for a probe. */
export class Ejections implements OutlierListener {
  readonly #options: EjectionsOptions
  readonly #detector: OutlierDetector | undefined
  readonly #halfOpen = new Set<InstanceRecord>()
  /** Instances that can be ejected. */
  #known = 0

  constructor(options: EjectionsOptions) {
    this.#options = options
    const { settings, clock, random, usable } = options
    if (settings.outlierDetection === false) return
    this.#detector = new OutlierDetector({
      settings: settings.outlierDetection,
      clock,
      random,
      usable,
      known: () => this.#known,
      onBlank: (tracker) => options.records.get(tracker.id)?.dropTracker(tracker),
      listener: this,
    })
  }

  /** Instances whose ejection is over and that wait for the request that tries them. */
  get halfOpenRecords(): ReadonlySet<InstanceRecord> {
    return this.#halfOpen
  }

  /** From now on the outcomes of its requests are judged. */
  track(record: InstanceRecord): void {
    this.#known++
    record.judgeBy(this.#detector)
  }

  /** `record` takes the place of `before`, with the same id: a new instance, of which nothing is known. */
  replace(before: InstanceRecord, record: InstanceRecord): void {
    if (!before.isJudged) this.#known++
    before.judgeBy(undefined)
    this.#halfOpen.delete(before)
    this.#detector?.forget(record.instance.id)
    record.judgeBy(this.#detector)
  }

  untrack(record: InstanceRecord): void {
    this.#known--
    record.judgeBy(undefined)
    this.#halfOpen.delete(record)
    this.#detector?.untrack(record.instance.id)
  }

  /** `record` answers nothing while others do. Takes it out if that may be. */
  silent(record: InstanceRecord, forMs: number): void {
    const detail = `no answer for ${Math.round(forMs)} ms, while others answer`
    if (record.tracker?.state === 'half-open') record.tracker.giveUpProbe(detail)
    else record.track()?.suspect('no-answer', detail)
  }

  /**
   * An active check of `record` passed: it can be reached. That ends an ejection for want of an answer, but none for bad
   * answers: an instance that answers requests by 500 may well pass its checks.
   */
  passed({ tracker }: InstanceRecord): void {
    if (tracker?.ejection !== undefined && unreachable.has(tracker.ejection.reason)) tracker.uneject()
  }

  close(): void {
    this.#detector?.close()
    this.#halfOpen.clear()
  }

  /** For the detector, as are the next two. */
  ejected({ id, ...ejection }: Ejection): void {
    const { events, service, records, onChange } = this.#options
    const record = records.get(id)
    if (record === undefined) return
    if (ejection.enforced) {
      this.#halfOpen.delete(record)
      onChange()
    }
    if (events.active) events.emit({ type: 'instance-ejected', service, instance: record.instance, ...ejection })
  }

  halfOpen(id: string): void {
    const { events, service, records, onChange } = this.#options
    const record = records.get(id)
    if (record === undefined) return
    this.#halfOpen.add(record)
    onChange()
    if (events.active) events.emit({ type: 'instance-half-open', service, instance: record.instance })
  }

  returned(id: string, by: ReturnedBy): void {
    const { events, service, records, onReturned, onChange } = this.#options
    const record = records.get(id)
    if (record === undefined) return
    this.#halfOpen.delete(record)
    onReturned(record)
    onChange()
    if (events.active) events.emit({ type: 'instance-returned', service, instance: record.instance, by })
  }
}
