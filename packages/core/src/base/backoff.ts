import type { Random } from './random.ts'

/** The longest delay after failure `number` (1 for the first): `minMs`, doubled with each further failure, up to `maxMs`. */
export function exponentialBackoffMs(number: number, minMs: number, maxMs: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(number - 1, 50))
}

/**
 * Delay before retry `number` (1 for the first): a random time in [0, min(`maxMs`, `baseMs` × 2^(number − 1))).
 * Full jitter, so that clients that failed together do not come back together.
 *
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015).
 */
export function fullJitterBackoffMs(number: number, baseMs: number, maxMs: number, random: Random): number {
  return exponentialBackoffMs(number, baseMs, maxMs) * random()
}
