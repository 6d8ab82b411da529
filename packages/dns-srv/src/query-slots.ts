/** Bounds how many queries are under way. The others wait, first come, first served. */
export class QuerySlots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** Runs `action` in a slot. Rejects with the reason of `signal` when that is aborted while it waits. */
  async run<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    await this.#take(signal)
    try {
      return await action()
    } finally {
      this.#release()
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(proceed)
        reject(signal.reason)
      }
      const proceed = (): void => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      this.#waiting.add(proceed)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  // A slot passes to the query that waits longest without becoming free in between.
  #release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
