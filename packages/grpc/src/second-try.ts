import type { MethodConfig } from './grpc-module.ts'
import { unavailable } from './outcome.ts'

/** How idempotent calls are repeated. */
export interface SecondTryOptions {
  readonly maxRetries: number
  readonly secondTryAfterMs: number
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

const backoff = { initialBackoff: '0.025s', maxBackoff: '0.25s', backoffMultiplier: 2 }

/** As the mean of TCP's round trips and its deviation (RFC 6298). */
const meanPart = 1 / 8
const deviationPart = 1 / 4

/** Each call pays for a fifth of a second try, and ten of them are free in each second: as the budget of retries has it. */
const perCall = 0.2
const perSecond = 10
const most = 100

/**
 * The second tries of the idempotent methods of one channel: attempts beside one that has no message yet. grpc-js makes them; this
 * says after which time, and when there are too many.
 */
export class SecondTries {
  readonly #options: SecondTryOptions
  readonly #repeat: MethodConfig | undefined
  #beside: MethodConfig | undefined
  #besideMs = 0
  #meanMs = 0
  #deviationMs = 0
  #balance = perSecond
  #filledAtMs: number

  constructor(options: SecondTryOptions) {
    this.#options = options
    this.#filledAtMs = options.now()
    const maxAttempts = options.maxRetries + 1
    this.#repeat =
      maxAttempts === 1
        ? undefined
        : { name: [], retryPolicy: { maxAttempts, ...backoff, retryableStatusCodes: [unavailable] } }
  }

  /** A call begins: how grpc-js is to repeat it. */
  configOf(base: MethodConfig | undefined): MethodConfig | undefined {
    const { secondTryAfterMs, now } = this.#options
    const nowMs = now()
    const filled = this.#balance + perCall + ((nowMs - this.#filledAtMs) / 1_000) * perSecond
    this.#balance = Math.min(most, filled)
    this.#filledAtMs = nowMs
    if (this.#repeat === undefined) return base
    const isAffordable = secondTryAfterMs !== Number.POSITIVE_INFINITY && this.#balance >= 1
    const repeated = isAffordable ? this.#besideConfig() : this.#repeat
    return base === undefined ? repeated : { ...base, ...repeated, name: base.name }
  }

  /** An attempt began beside another one. */
  spent(): void {
    this.#balance = Math.max(0, this.#balance - 1)
  }

  /** The first message of a call came after `latencyMs`. */
  answered(latencyMs: number): void {
    const difference = latencyMs - this.#meanMs
    this.#meanMs += difference * meanPart
    this.#deviationMs += (Math.abs(difference) - this.#deviationMs) * deviationPart
  }

  /** Made anew only when its delay has changed. */
  #besideConfig(): MethodConfig {
    const usualMs = this.#meanMs + 4 * this.#deviationMs
    const afterMs = Math.ceil(Math.max(this.#options.secondTryAfterMs, usualMs) / 50) * 50
    if (this.#beside === undefined || afterMs !== this.#besideMs) {
      this.#besideMs = afterMs
      const hedgingDelay = `${(afterMs / 1_000).toFixed(3)}s`
      const maxAttempts = this.#options.maxRetries + 1
      this.#beside = { name: [], hedgingPolicy: { maxAttempts, hedgingDelay, nonFatalStatusCodes: [unavailable] } }
    }
    return this.#beside
  }
}
