import { DeadlineExceededError } from './errors.ts'
import type { ServiceInstance } from './instance.ts'

/** An attempt that may move on to another instance when the one it waits for falls silent. */
export interface MovableAttempt {
  readonly instance: ServiceInstance
  readonly moveOn: (error: DeadlineExceededError) => void
}

/** The attempts under way of one service that can be repeated elsewhere. */
export class MovableAttempts {
  readonly #service: string
  readonly #attempts = new Set<MovableAttempt>()

  constructor(service: string) {
    this.#service = service
  }

  add(attempt: MovableAttempt): void {
    this.#attempts.add(attempt)
  }

  delete(attempt: MovableAttempt): void {
    this.#attempts.delete(attempt)
  }

  /** `instance` answered nothing for `forMs`: those that wait for it may go. */
  leave({ id }: ServiceInstance, forMs: number): void {
    const service = this.#service
    for (const attempt of this.#attempts) {
      if (attempt.instance.id !== id) continue
      const message = `${service}: ${id} answered nothing for ${Math.round(forMs)} ms, while others did`
      attempt.moveOn(new DeadlineExceededError(message, { service }))
    }
  }
}
