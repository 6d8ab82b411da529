import { rejectOption } from '../base/option-checks.ts'

const range = 2 ** 32

/**
 * A counter in shared memory: worker threads with the same `buffer` share one sequence.
 *
 *     const counter = new SharedCounter()
 *     new Worker(file, { workerData: counter.buffer })   // there: new SharedCounter(workerData)
 *
 * Source: the usual loop of load and compare-and-exchange, which is lock-free: of the threads that meet, one goes on.
 */
export class SharedCounter {
  /** The memory to pass to other threads: one unsigned 32-bit integer. */
  readonly buffer: SharedArrayBuffer
  readonly #cell: Uint32Array
  // A remainder of 2³² is slow; the modulus hardly ever changes.
  #modulus = range
  #limit = range

  /** @throws InvalidOptionError if `buffer` is not a SharedArrayBuffer of at least 4 bytes */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    const shared = typeof SharedArrayBuffer === 'function' && buffer instanceof SharedArrayBuffer
    if (!shared || buffer.byteLength < 4) {
      rejectOption('SharedCounter.buffer', 'a SharedArrayBuffer of at least 4 bytes', buffer)
    }
    this.buffer = buffer
    this.#cell = new Uint32Array(buffer, 0, 1)
  }

  /**
   * The next position in [0, `modulus`). Each position is handed out in turn, to exactly one caller, on whichever
   * thread it runs.
   *
   * `modulus` is an integer in [1, 2³²]. The counter wraps at a multiple of it: a plain 32-bit counter would skip or
   * repeat a position at each overflow, because 2³² is not a multiple of 3.
   *
   * @param modulus by default 2³²
   */
  next(modulus: number = range): number {
    const cell = this.#cell
    if (modulus !== this.#modulus) {
      this.#modulus = modulus
      this.#limit = range - (range % modulus)
    }
    const limit = this.#limit
    let seen = Atomics.load(cell, 0)
    for (;;) {
      const position = seen % modulus
      const following = seen + 1 < limit ? seen + 1 : (position + 1) % modulus
      const found = Atomics.compareExchange(cell, 0, seen, following)
      if (found === seen) return position
      seen = found
    }
  }
}
