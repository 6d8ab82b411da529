import { checkDurationMs, checkInteger, checkKeys } from '../base/option-checks.ts'

/** Where calls wait if the limits on requests in flight are reached. */
export interface QueueOptions {
  /** Most waiting calls, from 0 to 1 000 000. @default 100 */
  readonly maxSize?: number | undefined
  /** How long a call may wait, in milliseconds; its own deadline may end the wait sooner. @default 1_000 */
  readonly maxWaitMs?: number | undefined
}

/** @throws InvalidOptionError */
export function checkQueueOptions(path: string, options: QueueOptions): void {
  checkKeys(path, options, ['maxSize', 'maxWaitMs'])
  checkInteger(`${path}.maxSize`, options.maxSize, 0, 1_000_000)
  checkDurationMs(`${path}.maxWaitMs`, options.maxWaitMs)
}
