/** The upper end of the first bucket, in milliseconds; each bucket ends at 1.25 times the end of the one before. */
const [firstMs, growth] = [0.1, 1.25]

/** The last bucket begins at about a minute. */
export const bucketCount = 61

/** The bucket of a duration. */
export function bucketOf(durationMs: number): number {
  if (!(durationMs > firstMs)) return 0
  return Math.min(bucketCount - 1, Math.ceil(Math.log(durationMs / firstMs) / Math.log(growth)))
}

/** The value below which `quantile` of the counted durations are, in milliseconds; `undefined`: none was counted. */
export function quantileMs(counts: ArrayLike<number>, quantile: number): number | undefined {
  let total = 0
  for (let index = 0; index < counts.length; index++) total += counts[index] ?? 0
  if (total === 0) return undefined
  const rank = quantile * total
  let before = 0
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index] ?? 0
    if (count > 0 && before + count >= rank) return within(index, (rank - before) / count)
    before += count
  }
  return within(counts.length - 1, 1)
}

/** Between the ends of a bucket. */
function within(bucket: number, part: number): number {
  if (bucket === 0) return firstMs * part
  const startMs = firstMs * growth ** (bucket - 1)
  return Number((startMs * (1 + (growth - 1) * part)).toPrecision(3))
}
