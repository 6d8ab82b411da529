import type { Clock, Random } from '@lb/core'
import { type InstanceList, jittered, pause, type WatchSession } from '@lb/core/authoring'
import type { BlockingIndex } from './blocking-index.ts'
import type { BlockingSlots } from './blocking-slots.ts'
import { ChurnLimiter } from './churn-limiter.ts'
import { sameInstances } from './instances.ts'
import type { ServiceHealth } from './service-health.ts'

export interface ServiceWatchOptions {
  readonly health: ServiceHealth
  readonly slots: BlockingSlots
  readonly pollIntervalMs: number
  readonly churnIntervalMs: number
  readonly clock: Clock
  readonly random: Random
}

/** Part of the delay between polls that is random. */
const pollJitter = 0.2

/**
 * Watches one service until something fails: by blocking queries when there is a slot for it, else by asking again and again. Each
 * failure ends it, so that the next one begins without an index, and is answered at once.
 */
export async function watchService(
  service: string,
  { signal, next }: Pick<WatchSession, 'signal' | 'next'>,
  { health, slots, pollIntervalMs, churnIntervalMs, clock, random }: ServiceWatchOptions,
): Promise<never> {
  const limiter = new ChurnLimiter(clock, churnIntervalMs)
  let release: (() => void) | undefined
  let index: BlockingIndex
  let known: InstanceList | undefined
  try {
    for (;;) {
      release ??= slots.take()
      const answer = await health.ask(service, { index, signal, background: true })
      if (known === undefined || !sameInstances(known, answer)) next(answer.instances, answer.rejected)
      known = answer
      index = release === undefined ? undefined : answer.index
      const waitMs = release === undefined ? jittered(pollIntervalMs, pollJitter, random) : limiter.take()
      if (waitMs > 0) await pause(clock, waitMs, signal)
    }
  } finally {
    release?.()
  }
}
