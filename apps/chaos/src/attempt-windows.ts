/** Length of one window. */
const windowMs = 100
/** Windows that are looked at together to tell a share: enough attempts at a low rate too. */
const windowsForShare = 5
/** Below this share of the attempts an instance counts as left alone. */
const awayShare = 0.02
/** Part of its fair share from which an instance counts as being back. */
const backPart = 0.75

/** Attempts in each 100 ms since a fault began, by instance and by the time they started. */
export class AttemptWindows {
  readonly #instances: number
  readonly #originMs: number
  /** For each window and instance: attempts, and those of them that were answered well. */
  #counts: Uint32Array

  constructor(instances: number, originMs: number) {
    this.#instances = instances
    this.#originMs = originMs
    this.#counts = new Uint32Array(2 * instances * 1_024)
  }

  /** An attempt that started before the fault is left out. */
  add(instance: number, startedAtMs: number, ok: boolean): void {
    const window = Math.floor((startedAtMs - this.#originMs) / windowMs)
    if (window < 0) return
    const index = this.#index(window, instance)
    if (index + 1 >= this.#counts.length) {
      const larger = new Uint32Array(2 * (index + 2))
      larger.set(this.#counts)
      this.#counts = larger
    }
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    if (ok) this.#counts[index + 1] = (this.#counts[index + 1] ?? 0) + 1
  }

  /**
   * Milliseconds from the fault's beginning until the attempts on `instance` stay below 2 %, up to `endMs`; `undefined`
   * when they do not. A single attempt in a window is a probe, and no traffic.
   */
  awayAfterMs(instance: number, endMs: number): number | undefined {
    const end = Math.floor((endMs - this.#originMs) / windowMs)
    let window = end
    while (window > 0 && !this.#hasTraffic(window - 1, instance)) window--
    return window === end ? undefined : window * windowMs
  }

  /**
   * Milliseconds from `fromMs` until `instance` answers at least three quarters of its fair share, and goes on to;
   * `undefined` when it does not before `endMs`.
   */
  backAfterMs(instance: number, fromMs: number, endMs: number): number | undefined {
    const first = Math.ceil((fromMs - this.#originMs) / windowMs)
    const end = Math.floor((endMs - this.#originMs) / windowMs)
    for (let window = first; window + 2 * windowsForShare <= end; window++) {
      if (this.#isFair(window, instance) && this.#isFair(window + windowsForShare, instance)) {
        return window * windowMs + this.#originMs - fromMs
      }
    }
    return undefined
  }

  #hasTraffic(window: number, instance: number): boolean {
    const attempts = this.#attempts(window, instance)
    return attempts > 1 && attempts >= awayShare * this.#total(window)
  }

  #isFair(window: number, instance: number): boolean {
    let answered = 0
    let total = 0
    for (let each = window; each < window + windowsForShare; each++) {
      answered += this.#counts[this.#index(each, instance) + 1] ?? 0
      total += this.#total(each)
    }
    return total > 0 && answered >= (backPart * total) / this.#instances
  }

  #total(window: number): number {
    let total = 0
    for (let instance = 0; instance < this.#instances; instance++) total += this.#attempts(window, instance)
    return total
  }

  #attempts(window: number, instance: number): number {
    return this.#counts[this.#index(window, instance)] ?? 0
  }

  #index(window: number, instance: number): number {
    return 2 * (window * this.#instances + instance)
  }
}
