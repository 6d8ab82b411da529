import type { Clock, Random, ServiceInstanceInit, WatchSession } from '@lb/core'
import type { BlockingIndex } from './blocking-index.ts'
import type { BlockingSlots } from './blocking-slots.ts'
import { ChurnLimiter } from './churn-limiter.ts'
import { pause } from './pause.ts'
import { sameInstances } from './same-instances.ts'
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
  let told: readonly ServiceInstanceInit[] | undefined
  try {
    for (;;) {
      release ??= slots.take()
      const answer = await health.ask(service, { index, signal, background: true })
      if (told === undefined || !sameInstances(told, answer.instances)) next(answer.instances)
      told = answer.instances
      index = release === undefined ? undefined : answer.index
      const waitMs = release === undefined ? pollIntervalMs * (1 - pollJitter * random()) : limiter.take()
      if (waitMs > 0) await pause(clock, waitMs, signal)
    }
  } finally {
    release?.()
  }
}
