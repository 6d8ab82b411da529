/**
 * How far a count of `draws` independent draws of probability `share` may be from its mean. It is binomial, with
 * deviation √(n p (1 − p)); five deviations are exceeded once in 1.7 million fair runs.
 */
export function fiveDeviations(draws: number, share: number): number {
  return 5 * Math.sqrt(draws * share * (1 - share))
}
