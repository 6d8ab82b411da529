/** The values at these ratios, by nearest rank; NaN without a value. */
export function percentilesOf(values: Float64Array, ratios: readonly number[]): number[] {
  const sorted = values.toSorted()
  return ratios.map((ratio) => sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? Number.NaN)
}
