import { DeadlineExceededError } from './errors.ts'
import { isSameAddress, type ServiceInstance } from './instance.ts'

/** An attempt that may move on to another instance when the one it waits for falls silent. */
export interface MovableAttempt {
  readonly instance: ServiceInstance
  readonly moveOn: (error: DeadlineExceededError) => void
  /** Where it stands among the movable attempts of its service, while it is one of them. */
  movablePlace: number
}

/**
 * The attempts under way of one service that can be repeated elsewhere.
 *
 * An array in which the last one takes the place of one that ends, not a `Set`: a set whose members change all the time makes itself
 * a new table again and again, each old one holds on to its members and to the next, and once the first is in the old generation,
 * every request survives its end until the next major garbage collection.
 */
export class MovableAttempts {
  readonly #service: string
  readonly #attempts: MovableAttempt[] = []

  constructor(service: string) {
    this.#service = service
  }

  get size(): number {
    return this.#attempts.length
  }

  add(attempt: MovableAttempt): void {
    attempt.movablePlace = this.#attempts.length
    this.#attempts.push(attempt)
  }

  /** Does nothing when it is not among them. */
  delete(attempt: MovableAttempt): void {
    const attempts = this.#attempts
    const place = attempt.movablePlace
    if (attempts[place] !== attempt) return
    const last = attempts.pop() as MovableAttempt
    if (last === attempt) return
    attempts[place] = last
    last.movablePlace = place
  }

  /** `instance` answered nothing for `forMs`: those that wait for it may go. */
  leave(silent: ServiceInstance, forMs: number): void {
    const service = this.#service
    const { id } = silent
    const waiting = this.#attempts.filter(({ instance }) => instance.id === id && isSameAddress(instance, silent))
    // Those that go leave the list.
    for (const attempt of waiting) {
      const message = `${service}: ${id} answered nothing for ${Math.round(forMs)} ms, while others did`
      attempt.moveOn(new DeadlineExceededError(message, { service }))
    }
  }
}
