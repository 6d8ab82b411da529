export interface Spread {
  readonly median: number
  readonly lower: number
  readonly upper: number
}

/** Median and quartiles, by linear interpolation between the closest ranks. */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), lower: quantile(sorted, 0.25), upper: quantile(sorted, 0.75) }
}

/** The `share`-quantile of figures that are sorted, by linear interpolation between the closest ranks. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const rank = (sorted.length - 1) * share
  const below = sorted[Math.floor(rank)] ?? Number.NaN
  const above = sorted[Math.ceil(rank)] ?? Number.NaN
  return below + (above - below) * (rank - Math.floor(rank))
}

/**
 * How many times `references` the `figures` are, both in the order of the rounds: the median over the rounds of the
 * ratio within a round, which a slow minute of the machine changes less than the ratio of two medians.
 */
export function pairedRatio(figures: readonly number[], references: readonly number[]): number {
  return spreadOf(figures.map((figure, round) => figure / (references[round] ?? Number.NaN))).median
}
