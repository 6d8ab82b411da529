import { FakeClock } from '@lb/testing'
import {
  type RegistrationSteps,
  type RenewalOptions,
  RenewedRegistration,
} from '../src/discovery/registration/renewed-registration.ts'

type Step = 'register' | 'renew' | 'deregister'

/** A step that was called and waits for the test's answer. */
export interface StepCall {
  readonly step: Step
  readonly atMs: number
  readonly signal: AbortSignal | undefined
  answer(value: number | 'lost'): void
  fail(cause: unknown): void
}

/** A registry that answers when the test says so, or at once with `answers`. */
export class ManualSteps implements RegistrationSteps {
  readonly clock: FakeClock = new FakeClock(0)
  readonly calls: StepCall[] = []
  readonly errors: unknown[] = []
  /** What a step is answered with at once; none: it waits. An error is rejected with. */
  readonly answers: Partial<Record<Step, number | 'lost' | Error>> = {}

  readonly register = (signal: AbortSignal): Promise<number> => this.#call('register', signal)
  readonly renew = (signal: AbortSignal): Promise<number | 'lost'> => this.#call('renew', signal)
  readonly deregister = (): Promise<void> => this.#call('deregister', undefined)

  start(options: Partial<RenewalOptions> = {}): Promise<RenewedRegistration> {
    const onError = (cause: unknown): unknown => this.errors.push(cause)
    return RenewedRegistration.start(this, { onError, clock: this.clock, random: () => 0, ...options })
  }

  /** Registered at 0 ms, to be renewed each second. */
  async started(options: Partial<RenewalOptions> = {}): Promise<RenewedRegistration> {
    this.answers.register = 1_000
    const registration = await this.start(options)
    delete this.answers.register
    return registration
  }

  get latest(): StepCall {
    return this.calls.at(-1) as StepCall
  }

  /** What was called after the first registration, and when. */
  get later(): [Step, number][] {
    return this.calls.slice(1).map(({ step, atMs }) => [step, atMs])
  }

  #call<T>(step: Step, signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const answer = (value: number | 'lost'): void => resolve(value as T)
      this.calls.push({ step, atMs: this.clock.now(), signal, answer, fail: reject })
      const at = this.answers[step]
      if (at instanceof Error) reject(at)
      else if (at !== undefined) answer(at)
    })
  }
}
