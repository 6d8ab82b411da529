/** How much a latency counts. */
const share = 1 / 20

/** The mean of about the last twenty successful responses of all instances, in milliseconds; 0 before the first. */
export class TypicalLatency {
  ms = 0
  #count = 0

  observe(latencyMs: number): void {
    this.#count++
    // The first ones weigh alike.
    this.ms += (latencyMs - this.ms) * Math.max(share, 1 / this.#count)
  }
}
