import { DeadlineExceededError } from '../base/errors.ts'
import type { Looks } from '../health/outliers/looks.ts'
import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'
import type { Roster } from './roster.ts'

/** An attempt that may move on to another instance when the one it waits for falls silent. */
export interface MovableAttempt {
  readonly instance: ServiceInstance
  /** After how many milliseconds without an answer a second try may be made beside it. */
  readonly secondTryAfterMs: number
  /** Half of the time limit of its call, in milliseconds: a second try that begins later may come too late. */
  readonly halfTimeMs: number
  /** The instance of the attempt beside which it was made, if it is a second try. */
  readonly besideId: string | undefined
  /** Whether its call waits for it, and may try once more. */
  readonly canMove: boolean
  /** Whether other attempts of its call run beside it. */
  readonly isAccompanied: boolean
  /** Makes a second try beside it; false when there may be none. */
  readonly trySecond: (error: DeadlineExceededError) => boolean
  /** Gives it up for another instance, if there may be one. */
  readonly moveOn: (error: DeadlineExceededError) => void
  readonly cancel: (reason: unknown) => void
  /** Where it stands among the movable attempts of its service, while it is one of them. */
  movablePlace: number
  /** Looks of the service before it started. */
  startedAtLook: number
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
  readonly #looks: Looks
  readonly #attempts: MovableAttempt[] = []
  #added = 0

  constructor(service: string, looks: Looks) {
    this.#service = service
    this.#looks = looks
  }

  get size(): number {
    return this.#attempts.length
  }

  /** Attempts that were ever added. */
  get added(): number {
    return this.#added
  }

  /** The looks run, as they do for every request without an answer. */
  add(attempt: MovableAttempt): void {
    attempt.movablePlace = this.#attempts.length
    attempt.startedAtLook = this.#looks.count
    this.#attempts.push(attempt)
    this.#added++
  }

  has(attempt: MovableAttempt): boolean {
    return this.#attempts[attempt.movablePlace] === attempt
  }

  /** Those that are `true` of `test`. */
  filter(test: (attempt: MovableAttempt) => boolean): MovableAttempt[] {
    return this.#attempts.filter(test)
  }

  /** Does nothing when it is not among them. */
  delete(attempt: MovableAttempt): void {
    const attempts = this.#attempts
    const place = attempt.movablePlace
    if (!this.has(attempt)) return
    const last = attempts.pop()
    if (last === undefined || last === attempt) return
    attempts[place] = last
    last.movablePlace = place
  }

  /**
   * Counts for each instance those of which a second try learns, so that no comparison with other instances has to.
   * `paid`: whether there is a budget for second tries.
   */
  count(roster: Pick<Roster, 'everyRecord' | 'recordOf'>, paid: boolean): void {
    for (const record of roster.everyRecord) record.resetMovable()
    for (const attempt of this.#attempts) {
      const record = roster.recordOf(attempt.instance)
      if (record !== undefined && (attempt.isAccompanied || (paid && attempt.canMove))) record.answers.movable++
    }
  }

  /** `instance` answered nothing for `forMs`: those that wait for it may go. */
  leave(silent: ServiceInstance, forMs: number): void {
    const { id } = silent
    const waiting = this.#attempts.filter(({ instance }) => instance.id === id && isSameAddress(instance, silent))
    // Those that go leave the list.
    for (const attempt of waiting) attempt.moveOn(this.noAnswer(id, forMs, ', while others did'))
  }

  /** Why an attempt on the instance `id` is not waited for any more, or not alone. */
  noAnswer(id: string, forMs: number, beside = ''): DeadlineExceededError {
    const service = this.#service
    const message = `${service}: ${id} answered nothing for ${Math.round(forMs)} ms${beside}`
    return new DeadlineExceededError(message, { service })
  }
}
