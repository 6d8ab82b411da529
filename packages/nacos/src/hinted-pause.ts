import type { Clock, Random } from '@lb/core'

/** However many hints come, a pause is never shorter. */
const minPauseMs = 1_000
/** A push reaches all clients of a service at once: each of them asks at a moment of its own. */
const spreadMs = 500

/** The pause between two questions for a service. A hint makes it shorter; one that comes while the question is under way, the next. */
export class HintedPause {
  readonly #clock: Clock
  readonly #random: Random
  #isHinted = false
  #shorten: () => void = () => {}

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  hint(): void {
    if (this.#isHinted) return
    this.#isHinted = true
    this.#shorten()
  }

  /** Resolves after `delayMs`, or sooner after a hint. Rejects with the reason of `signal` when that is aborted. Keeps no process alive. */
  wait(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const startedAtMs = this.#clock.now()
      let cancel = (): void => {}
      const abort = (): void => {
        this.#shorten = () => {}
        cancel()
        reject(signal.reason)
      }
      const end = (): void => {
        this.#shorten = () => {}
        this.#isHinted = false
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const endIn = (ms: number): void => {
        cancel()
        cancel = this.#clock.setTimeout(end, ms, { background: true })
      }
      this.#shorten = () => {
        const passedMs = this.#clock.now() - startedAtMs
        endIn(Math.min(delayMs - passedMs, Math.max(minPauseMs - passedMs, spreadMs * this.#random())))
      }
      signal.addEventListener('abort', abort, { once: true })
      if (this.#isHinted) this.#shorten()
      else endIn(delayMs)
    })
  }
}
