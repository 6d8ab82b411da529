/** At most three decimals. */
export function numberText(value: number): string {
  return `${Math.round(value * 1_000) / 1_000}`
}

/** A duration with three digits: `0.42 ms`, `12.3 ms`, `1.25 s`. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`
}

/** A ratio from 0 to 1 as a percentage. */
export function formatPercent(ratio: number): string {
  return Number.isFinite(ratio) ? `${(100 * ratio).toFixed(2)} %` : '–'
}
