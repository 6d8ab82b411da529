/** A source of random numbers in [0, 1), like `Math.random`. */
export type Random = () => number

/** The platform's generator, looked up on each call. */
export const systemRandom: Random = () => Math.random()

/** An integer in [0, `bound`), whatever `random` returns: an injected generator may give 1 or NaN. */
export function randomInteger(random: Random, bound: number): number {
  const value = Math.floor(random() * bound)
  return value >= 0 && value < bound ? value : value >= bound ? bound - 1 : 0
}

/**
 * `delayMs` shortened by up to `ratio` of itself, so that timers of many processes do not fire together.
 * Only ever earlier: a list with a time to live is asked for again before it expires.
 */
export function jittered(delayMs: number, ratio: number, random: Random): number {
  return delayMs * (1 - ratio * random())
}
