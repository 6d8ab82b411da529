/** Durations in milliseconds. Kept outside of the JavaScript heap, whose size the suite watches. */
export class Latencies {
  #values = new Float64Array(1_024)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(milliseconds: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = milliseconds
  }

  /** Those above `milliseconds`. */
  above(milliseconds: number): Latencies {
    const above = new Latencies()
    for (const value of this.#values.subarray(0, this.#count)) if (value > milliseconds) above.add(value)
    return above
  }

  /** The smallest value that at least the part `q` of the values does not exceed; 0 when there is none. */
  quantile(q: number): number {
    const sorted = this.#values.slice(0, this.#count).sort()
    return sorted[Math.max(0, Math.ceil(q * this.#count) - 1)] ?? 0
  }
}
