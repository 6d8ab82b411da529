import { fullJitterBackoffMs } from '../../base/backoff.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import {
  type Complete,
  checkClock,
  checkDurationMs,
  checkFunction,
  checkNumber,
  rejectOption,
} from '../../base/option-checks.ts'
import { jittered, type Random, systemRandom } from '../../base/random.ts'

/**
 * How one instance is registered in one registry. The signal of each step is aborted when the instance is deregistered.
 */
export interface RegistrationSteps {
  /** Registers the instance. Resolves with the milliseconds until the next renewal. */
  register(signal: AbortSignal): Promise<number>
  /**
   * Renews the registration. Resolves with the milliseconds until the next renewal, or with `'lost'` if the registry no
   * longer knows the instance.
   */
  renew(signal: AbortSignal): Promise<number | 'lost'>
  /** Removes the registration. Called once, after the other steps have ended. */
  deregister(): Promise<void>
}

/** How a registration reacts to failures. */
export interface RenewalOptions {
  /** Receives every failure after the first registration; the renewal continues. */
  readonly onError: (cause: unknown) => void
  /** Longest delay after the first failure, in milliseconds, ≥ 1; it doubles with each further one. @default 500 */
  readonly retryMinMs?: number | undefined
  /** Longest delay after any failure, in milliseconds, ≥ 1. @default 10_000 */
  readonly retryMaxMs?: number | undefined
  /** Random part of each delay between renewals, from 0 to 1; delays only become shorter. @default 0.1 */
  readonly jitter?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

/** What a step says is the delay, unless it cannot be: `NaN` would end the renewal without a word, and 0 would make a hot loop of it. */
const minDelayMs = 1

/** Keeps one instance registered: renews in time, registers again when it was lost, backs off when the registry fails. */
export class RenewedRegistration {
  readonly #steps: RegistrationSteps
  readonly #settings: Complete<RenewalOptions>
  readonly #controller = new AbortController()
  #failures = 0
  #isLost = false
  #cancelTimer: () => void = () => {}
  /** The renewal under way; `undefined` between renewals. */
  #running: Promise<void> | undefined
  #deregistered: Promise<void> | undefined

  /**
   * Resolves after the first registration.
   *
   * @throws what that fails with; InvalidOptionError
   */
  static async start(steps: RegistrationSteps, options: RenewalOptions): Promise<RenewedRegistration> {
    const registration = new RenewedRegistration(steps, options)
    registration.#schedule(registration.#jittered(await steps.register(registration.#controller.signal)))
    return registration
  }

  private constructor(steps: RegistrationSteps, options: RenewalOptions) {
    checkOptions(options)
    this.#steps = steps
    this.#settings = {
      onError: options.onError,
      retryMinMs: options.retryMinMs ?? 500,
      retryMaxMs: options.retryMaxMs ?? 10_000,
      jitter: options.jitter ?? 0.1,
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
    }
  }

  /** Reports that the registry has lost the instance: it is registered again soon, after a random delay. */
  lost(): void {
    // Seen again before it was registered again: the delay runs already.
    if (this.#deregistered !== undefined || this.#isLost) return
    this.#isLost = true
    if (this.#running !== undefined) return
    this.#cancelTimer()
    this.#schedule(this.#backoffMs())
  }

  /** Ends the renewal and removes the registration. Further calls return the same promise. */
  deregister(): Promise<void> {
    this.#deregistered ??= this.#end()
    return this.#deregistered
  }

  async #end(): Promise<void> {
    this.#cancelTimer()
    this.#controller.abort()
    // A registration under way could arrive after the deregistration.
    await this.#running
    await this.#steps.deregister()
  }

  #schedule(delayMs: number): void {
    const turn = (): void => {
      this.#running = this.#turn()
    }
    this.#cancelTimer = this.#settings.clock.setTimeout(turn, delayMs, { background: true })
  }

  async #turn(): Promise<void> {
    try {
      const delayMs = await this.#renewOrRegister(this.#controller.signal)
      this.#failures = 0
      this.#goOn(this.#isLost ? this.#backoffMs() : this.#jittered(delayMs))
    } catch (cause) {
      const delayMs = this.#backoffMs()
      this.#failures++
      this.#goOn(delayMs)
      this.#report(cause)
    }
  }

  /** In one go with what the delay was made of, so that no loss is seen in between. */
  #goOn(delayMs: number): void {
    this.#running = undefined
    if (this.#deregistered === undefined) this.#schedule(delayMs)
  }

  async #renewOrRegister(signal: AbortSignal): Promise<number> {
    if (!this.#isLost) {
      const renewed = await this.#steps.renew(signal)
      if (renewed !== 'lost') return renewed
      // Nothing is registered once it is being taken back.
      signal.throwIfAborted()
    }
    // Before the step, so that a loss that is seen while it runs counts.
    this.#isLost = false
    try {
      return await this.#steps.register(signal)
    } catch (cause) {
      this.#isLost = true
      throw cause
    }
  }

  #report(cause: unknown): void {
    // What fails because of the deregistration is no failure.
    if (this.#deregistered !== undefined) return
    try {
      this.#settings.onError(cause)
    } catch {
      // The listener's mistake is no reason to end the renewal.
    }
  }

  #jittered(delayMs: number): number {
    const { jitter, random, retryMinMs } = this.#settings
    return delayMs >= minDelayMs ? jittered(delayMs, jitter, random) : retryMinMs
  }

  #backoffMs(): number {
    const { retryMinMs, retryMaxMs, random } = this.#settings
    return fullJitterBackoffMs(this.#failures + 1, retryMinMs, retryMaxMs, random)
  }
}

function checkOptions(options: RenewalOptions): void {
  const path = 'RenewedRegistration'
  if (typeof options !== 'object' || options === null) rejectOption(path, 'an object with onError', options)
  checkFunction(`${path}.onError`, options.onError ?? null)
  checkDurationMs(`${path}.retryMinMs`, options.retryMinMs, { min: 1 })
  checkDurationMs(`${path}.retryMaxMs`, options.retryMaxMs, { min: 1 })
  checkNumber(`${path}.jitter`, options.jitter, 0, 1)
  checkClock(`${path}.clock`, options.clock)
  checkFunction(`${path}.random`, options.random)
}
