import { durationOption, integerOption, type OptionTable } from '../base/option-table.ts'

/** Where calls wait if the limits on requests in flight are reached. */
export interface QueueOptions {
  /** Most waiting calls, from 0 to 1 000 000. @default 100 */
  readonly maxSize?: number | undefined
  /** How long a call may wait, in milliseconds; its own deadline may end the wait sooner. @default 1_000 */
  readonly maxWaitMs?: number | undefined
}

export const queueTable: OptionTable<QueueOptions> = {
  maxSize: integerOption({ max: 1_000_000, default: 100 }),
  maxWaitMs: durationOption({ default: 1_000 }),
}
