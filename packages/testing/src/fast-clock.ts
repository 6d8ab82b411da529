import type { Clock } from '@lb/core'
import { systemClock } from '@lb/core/authoring'

const factor = 10

/** A clock on which time passes ten times as fast: for tests against a real server of a client that waits for seconds between queries. */
export const fastClock: Clock = {
  now: () => systemClock.now() * factor,
  setTimeout: (callback, delayMs, options) => systemClock.setTimeout(callback, delayMs / factor, options),
}
