import type { CancelTimer, Clock } from '../base/clock.ts'

/** How a load balancer is closed. */
export interface CloseOptions {
  /**
   * How long running calls may continue, including retries, before everything is closed, in milliseconds. The wait ends
   * as soon as the last call has.
   * @default 0
   */
  readonly drainMs?: number | undefined
}

/** What may still have calls or requests in flight. */
export interface Drainable {
  readonly idle: boolean
  /** Calls `listener` each time it becomes idle. */
  onIdle(listener: () => void): void
}

/** Waits until all of `services` are idle, at most as long as the shortest limit says. */
export class Drain {
  readonly ended: Promise<void>
  readonly #clock: Clock
  #end: () => void = () => {}
  #endsAtMs = Number.POSITIVE_INFINITY
  #cancelTimer: CancelTimer = () => {}

  constructor(services: readonly Drainable[], clock: Clock) {
    this.#clock = clock
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    const check = (): void => {
      if (services.every(({ idle }) => idle)) this.#finish()
    }
    for (const service of services) service.onIdle(check)
    check()
  }

  /** Ends after `limitMs` at the latest. */
  limit(limitMs: number): void {
    const endsAtMs = this.#clock.now() + limitMs
    if (endsAtMs >= this.#endsAtMs) return
    this.#endsAtMs = endsAtMs
    this.#cancelTimer()
    if (limitMs === 0) this.#finish()
    else this.#cancelTimer = this.#clock.setTimeout(() => this.#finish(), limitMs)
  }

  #finish(): void {
    this.#endsAtMs = Number.NEGATIVE_INFINITY
    this.#cancelTimer()
    this.#end()
  }
}
