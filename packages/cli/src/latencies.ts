/** Durations in milliseconds, 8 bytes each. */
export class Latencies {
  #values = new Float64Array(256)
  #count = 0

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = ms
  }

  /** In ascending order. */
  sorted(): Float64Array {
    return this.#values.slice(0, this.#count).sort()
  }
}

/** The percentile at `ratio` of values in ascending order, by nearest rank; `undefined` if there are none. */
export function percentile(sorted: Float64Array, ratio: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)]
}
