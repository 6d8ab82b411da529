/**
 * How many watches may hold a blocking query open. An agent cuts off a client that has too many connections, so those beyond the limit poll, and take
 * the place of one that was closed.
 */
export class BlockingSlots {
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  /** A slot, as the function that gives it back, or `undefined` when all are taken. */
  take(): (() => void) | undefined {
    if (this.#free === 0) return undefined
    this.#free--
    let given = false
    return () => {
      if (given) return
      given = true
      this.#free++
    }
  }
}
