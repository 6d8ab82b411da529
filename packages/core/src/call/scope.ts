import type { CancelTimer, Clock } from '../base/clock.ts'
import { DeadlineExceededError } from '../base/errors.ts'
import type { ObservedCall } from '../observe/observed-call.ts'
import { type CriticalityRank, defaultRank } from '../overload/criticality.ts'
import type { WaitingCall } from '../service/waiting-call.ts'

/** The part of a signal that a call needs: an `AbortSignal`, or a cheaper object that behaves like one. */
export interface AbortSignalLike {
  /** Whether the signal is aborted. */
  readonly aborted: boolean
  /** The reason of the abort. */
  readonly reason?: unknown
  /** Adds a listener, which is called once when the signal is aborted. */
  addEventListener(type: 'abort', listener: () => void): void
  /** Removes a listener. */
  removeEventListener(type: 'abort', listener: () => void): void
}

export interface CallScopeOptions {
  readonly clock: Clock
  readonly service: string
  /** Ends the call with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined
  /** Ends the call with a DeadlineExceededError. Default: never. */
  readonly timeoutMs?: number
  /** What the call is worth. Default: as much as one that says nothing. */
  readonly rank?: CriticalityRank | undefined
}

/** What is at work for a call, and can be ended. */
export interface Interruptible {
  interrupt(reason: unknown): void
}

/**
 * What ends a call early: its caller's signal, or its deadline. A call does one thing after another (waits for the
 * list, runs an attempt, backs off), so the current step registers as the one to interrupt.
 */
export class CallScope implements WaitingCall {
  /** Whether it ended early. Set here alone, as is `kept`. */
  ended = false
  /** Whether the signal is still passed on although the call has settled. */
  kept = false
  /** What is interrupted when the call ends early; once it has, by `interrupts`. */
  atWork: Interruptible | undefined
  /** The call, if something observes it. */
  observed: ObservedCall | undefined
  readonly rank: CriticalityRank
  readonly startedAtMs: number
  readonly deadlineMs: number
  readonly #clock: Clock
  readonly #signal: AbortSignalLike | undefined
  #onAbort: (() => void) | undefined
  #cancelDeadline: CancelTimer | undefined
  #reason: unknown

  constructor({ clock, service, signal, timeoutMs = Number.POSITIVE_INFINITY, rank = defaultRank }: CallScopeOptions) {
    this.#clock = clock
    this.rank = rank
    this.#signal = signal
    this.startedAtMs = clock.now()
    this.deadlineMs = this.startedAtMs + timeoutMs
    if (signal?.aborted === true) this.#end(signal.reason)
    else if (signal !== undefined) {
      // Not assigned to the property directly: V8 allocates such a function in the old generation, where it keeps its call until the next
      // major garbage collection (decision 90).
      const onAbort = (): void => this.#end(signal.reason)
      this.#onAbort = onAbort
      signal.addEventListener('abort', onAbort)
    }
    if (timeoutMs !== Number.POSITIVE_INFINITY && !this.ended) {
      this.#cancelDeadline = clock.setTimeout(
        () =>
          this.#end(new DeadlineExceededError(`${service}: the call took longer than ${timeoutMs} ms`, { service })),
        timeoutMs,
      )
    }
  }

  /** Whether it was ended from outside, not by its deadline. */
  get cancelled(): boolean {
    return this.ended && !(this.#reason instanceof DeadlineExceededError)
  }

  get call(): number {
    return this.observed?.call ?? 0
  }

  get elapsedMs(): number {
    return this.#clock.now() - this.startedAtMs
  }

  /** Throws why the call ended, if it did. */
  throwIfEnded(): void {
    if (this.ended) throw this.#reason
  }

  /**
   * Runs one step of the call. `step` settles the promise; `interrupted` is called instead when the call ends first,
   * and the promise then rejects with the reason.
   */
  run<T>(
    step: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void,
    interrupted?: (reason: unknown) => void,
  ): Promise<T> {
    const waited = this.#run(step, interrupted)
    this.observed?.waits(waited)
    return waited
  }

  /** From now on `atWork` is interrupted when the call ends early; at once when it has. */
  interrupts(atWork: Interruptible): void {
    if (this.ended) atWork.interrupt(this.#reason)
    else this.atWork = atWork
  }

  /** Waits `delayMs`. */
  sleep(delayMs: number): Promise<void> {
    let cancel: CancelTimer = () => {}
    return this.#run<void>(
      (resolve) => {
        cancel = this.#clock.setTimeout(resolve, delayMs)
      },
      () => cancel(),
    )
  }

  /** The call settles now; until `release` its signal, and no deadline, still interrupts what it left running. */
  keepSignal(atWork: Interruptible): void {
    this.#cancelDeadline?.()
    this.kept = true
    this.interrupts(atWork)
  }

  /** Ends what the call waits for, and not the call: it may have a result already. */
  interrupt(reason: unknown): void {
    const atWork = this.atWork
    this.atWork = undefined
    atWork?.interrupt(reason)
  }

  /** Lets go of the signal and the timer. */
  release(): void {
    this.#cancelDeadline?.()
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)
    this.atWork = undefined
  }

  #run<T>(
    step: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void,
    interrupted: ((reason: unknown) => void) | undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.ended) {
        reject(this.#reason)
        return
      }
      this.atWork = {
        interrupt: (reason) => {
          interrupted?.(reason)
          reject(reason)
        },
      }
      step(resolve, reject)
    })
  }

  #end(reason: unknown): void {
    if (this.ended) return
    this.ended = true
    this.#reason = reason
    const atWork = this.atWork
    this.release()
    atWork?.interrupt(reason)
  }
}
