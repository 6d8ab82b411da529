/**
 * A moving average of latencies that jumps to a peak at once and comes down slowly: the weight of what was before is
 * e^(−Δt/τ), so that it falls with time and not with the number of responses.
 *
 * Source: Finagle's peak EWMA.
 */
export class PeakAverage {
  readonly #decayMs: number
  #valueMs = 0
  #observedAtMs = Number.NaN

  constructor(decayMs: number) {
    this.#decayMs = decayMs
  }

  /** Whether anything was observed yet. */
  get known(): boolean {
    return !Number.isNaN(this.#observedAtMs)
  }

  /** The average as it was after the last observation; 0 when there was none. */
  get lastMs(): number {
    return this.#valueMs
  }

  observe(latencyMs: number, nowMs: number): void {
    const kept = this.known ? this.#kept(nowMs) : 0
    this.#valueMs = latencyMs > this.#valueMs ? latencyMs : latencyMs * (1 - kept) + this.#valueMs * kept
    this.#observedAtMs = nowMs
  }

  /** The current average if nothing was observed since: as if 0 were observed, without observing it. */
  read(nowMs: number): number {
    return this.known ? this.#valueMs * this.#kept(nowMs) : 0
  }

  #kept(nowMs: number): number {
    return Math.exp(-Math.max(0, nowMs - this.#observedAtMs) / this.#decayMs)
  }
}
