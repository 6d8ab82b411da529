/** No latency counts for more: an hour. */
export const longestLatencyMs = 3_600_000

/**
 * A latency that a running mean can take, in [0, `longestLatencyMs`]. What is no latency (NaN, infinite, or negative, as
 * when a wall clock was set back) counts as 0: the next real one corrects that at once, while a peak stays for long.
 */
export function boundedLatencyMs(latencyMs: number): number {
  return latencyMs > 0 && latencyMs < Number.POSITIVE_INFINITY ? Math.min(latencyMs, longestLatencyMs) : 0
}
