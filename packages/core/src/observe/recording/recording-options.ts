import type { Clock } from '../../base/clock.ts'
import { checkClock, checkDurationMs, checkInteger, checkKeys, rejectOption } from '../../base/option-checks.ts'

/** What is recorded, and the bounds of the recording. */
export interface TrafficRecordingOptions {
  /** Names of the services to record. @default every service */
  readonly services?: readonly string[] | undefined
  /** The recording ends after this time, in milliseconds, ≥ 1. @default 3_600_000 */
  readonly maxMs?: number | undefined
  /** The recording ends before it is larger, in bytes, from 1_024 to 2^40. A call takes about 80. @default 67_108_864 */
  readonly maxBytes?: number | undefined
  /**
   * Bytes that wait for the reader at most, from 1_024 to 2^30. Calls for which there is no room are left out, and counted in the
   * recording. Lists of instances are not: if they come to four times as much, the recording ends.
   * @default 1_048_576
   */
  readonly maxBufferedBytes?: number | undefined
  /** Keys of instances' metadata whose values are recorded: those that `routing` or `groupOf` need. @default [] */
  readonly metadata?: readonly string[] | undefined
  /** The clock of the load balancer, if it has one of its own. @default the system's clock */
  readonly clock?: Clock | undefined
}

const optionKeys: readonly (keyof TrafficRecordingOptions)[] = [
  'services',
  'maxMs',
  'maxBytes',
  'maxBufferedBytes',
  'metadata',
  'clock',
]

/** @throws InvalidOptionError */
export function checkRecordingOptions(options: TrafficRecordingOptions): void {
  checkKeys('recordTraffic', options, optionKeys)
  checkTexts('recordTraffic.services', options.services)
  checkTexts('recordTraffic.metadata', options.metadata)
  checkDurationMs('recordTraffic.maxMs', options.maxMs, { min: 1 })
  checkInteger('recordTraffic.maxBytes', options.maxBytes, 1_024, 2 ** 40)
  checkInteger('recordTraffic.maxBufferedBytes', options.maxBufferedBytes, 1_024, 2 ** 30)
  checkClock('recordTraffic.clock', options.clock)
}

function checkTexts(path: string, value: unknown): void {
  if (value === undefined) return
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
    rejectOption(path, 'an array of strings', value)
  }
}
