import type { CancelTimer, Clock } from '../../base/clock.ts'

/** Looks at what waits; says whether it has to look again. */
export type Look = () => boolean

/**
 * The one timer by which a service notices that nothing happens. It runs only while something waits. Looks are counted,
 * not milliseconds: a pause of this process delays one look, and is not silence of an instance.
 */
export class Looks {
  /** What is counted as one look, in milliseconds. */
  readonly intervalMs: number
  /** Looks that the next one counts for: more than one where nothing can be concluded sooner. */
  step = 1
  /** Looks so far. Set here alone. */
  count = 0
  readonly #clock: Clock
  readonly #watches: Look[] = []
  #passed = 1
  #cancelTimer: CancelTimer | undefined
  #closed = false

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock
    this.intervalMs = intervalMs
  }

  /** Looks that the last one counted for. */
  get passed(): number {
    return this.#passed
  }

  /** `look` is called at each look, after those that were added before it. */
  add(look: Look): void {
    this.#watches.push(look)
  }

  /** Something waits from now on. Hot: does nothing while the timer runs. */
  start(): void {
    if (this.#cancelTimer === undefined && !this.#closed) this.#schedule()
  }

  /** After how many looks `ms` have passed for certain: the first may come at once. */
  within(ms: number): number {
    return Math.ceil(ms / this.intervalMs) + this.#passed
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #schedule(): void {
    const { step } = this
    const delayMs = step * this.intervalMs
    this.#cancelTimer = this.#clock.setTimeout(() => this.#look(step), delayMs, { background: true })
  }

  #look(passed: number): void {
    this.#cancelTimer = undefined
    this.#passed = passed
    this.count += passed
    let again = false
    for (const look of this.#watches) if (look()) again = true
    if (again) this.start()
  }
}
