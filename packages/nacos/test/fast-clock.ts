import type { Clock } from '@lb/core'
import { systemClock } from '@lb/core/authoring'

const factor = 10

/** Time that passes ten times as fast, for what waits for seconds against a server that is real enough to need a real clock. */
export const fastClock: Clock = {
  now: () => systemClock.now() * factor,
  setTimeout: (callback, delayMs, options) => systemClock.setTimeout(callback, delayMs / factor, options),
}
