/** A call that has a place among the open ones. */
export interface OpenCall {
  place: number
}

/**
 * The observed calls that have not ended. An array in which the last one takes the place of one that ends, not a `Set`, for the reason
 * that `MovableAttempts` gives.
 */
export class OpenCalls<T extends OpenCall> {
  #calls: T[] = []

  add(call: T): void {
    call.place = this.#calls.push(call) - 1
  }

  delete(call: T): void {
    const calls = this.#calls
    if (calls[call.place] !== call) return
    const last = calls.pop()
    if (last === undefined || last === call) return
    calls[call.place] = last
    last.place = call.place
  }

  /** Takes them out, in the order in which they began as far as none has ended. */
  takeAll(): T[] {
    const calls = this.#calls
    this.#calls = []
    return calls
  }
}
