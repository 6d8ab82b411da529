import { checkDurationMs, checkInteger, checkKeys } from '../base/option-checks.ts'

/** Where calls wait when the limits of requests in flight are reached. */
export interface QueueOptions {
  /** Calls that may wait at once. Integer in [0, 1 000 000]; default 100. */
  readonly maxSize?: number | undefined
  /** How long one may wait, in milliseconds; its own deadline may end the wait sooner. Default 1 000. */
  readonly maxWaitMs?: number | undefined
}

/** @throws InvalidOptionError */
export function checkQueueOptions(path: string, options: QueueOptions): void {
  checkKeys(path, options, ['maxSize', 'maxWaitMs'])
  checkInteger(`${path}.maxSize`, options.maxSize, 0, 1_000_000)
  checkDurationMs(`${path}.maxWaitMs`, options.maxWaitMs)
}
