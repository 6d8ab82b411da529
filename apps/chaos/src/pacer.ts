/**
 * Says when requests are due, by time alone: a service that stalls does not slow the load down (an open loop). What
 * became due while the process was busy is due at once.
 */
export class Pacer {
  #ratePerSecond: number
  #lastMs: number
  /** Requests due and not yet handed out; below 1 after each call of `takeDue`. */
  #due = 0
  #maxLagMs = 0

  constructor(ratePerSecond: number, nowMs: number) {
    this.#ratePerSecond = ratePerSecond
    this.#lastMs = nowMs
  }

  /** Longest that a request was overdue. */
  get maxLagMs(): number {
    return this.#maxLagMs
  }

  /** What became due before keeps its rate. */
  setRate(ratePerSecond: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#ratePerSecond = ratePerSecond
  }

  /** How many requests to send now. */
  takeDue(nowMs: number): number {
    this.#advance(nowMs)
    const count = Math.floor(this.#due + 1e-9)
    if (count > 0) {
      const overdueMs = ((this.#due - 1) * 1_000) / this.#ratePerSecond
      this.#maxLagMs = Math.max(this.#maxLagMs, overdueMs)
    }
    this.#due -= count
    return count
  }

  #advance(nowMs: number): void {
    this.#due += ((nowMs - this.#lastMs) * this.#ratePerSecond) / 1_000
    this.#lastMs = nowMs
  }
}
