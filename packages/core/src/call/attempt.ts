import type { CancelTimer, Clock } from '../base/clock.ts'
import { DeadlineExceededError } from '../base/errors.ts'
import { onLateRejection } from '../base/late-rejection.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'
import { type LoadReportOptions, requestedFormat } from '../load-report/options.ts'
import type { CallbackFailed } from '../observe/events.ts'
import type { AttemptResult, Classification } from '../retry/classification.ts'
import type { MovableAttempt, MovableAttempts } from '../service/movable-attempts.ts'
import type { Request } from '../service/request.ts'
import type { AttemptContext, AttemptFunction } from './attempt-context.ts'
import { type Judged, outcomeOf } from './attempt-outcome.ts'
import type { CallScope, Interruptible } from './scope.ts'

/** How one attempt ended. */
export interface SettledAttempt<T> extends Judged<T> {
  readonly attempt: Attempt<T>
}

export interface AttemptOptions<T> {
  readonly service: string
  readonly clock: Clock
  readonly scope: CallScope
  readonly number: number
  readonly previous: readonly ServiceInstance[]
  readonly picked: Pick<Request, 'instance' | 'begun' | 'end' | 'observed'>
  readonly timeoutMs: number
  /** Default: never. */
  readonly secondTryAfterMs?: number
  /** The instance of the attempt beside which this is a second try, if it is one. */
  readonly besideId?: string | undefined
  /** When it begins, if that is known. Default: when it is run. */
  readonly startedAtMs?: number | undefined
  /** Whether load reports are wanted, and how. */
  readonly loadReports: LoadReportOptions | undefined
  /** Those that may move on when their instance falls silent; this one is among them while it runs. */
  readonly movable?: MovableAttempts | undefined
  readonly call: AttemptedCall<T>
}

/** What an attempt asks of the call it belongs to. */
export interface AttemptedCall<T> {
  /** Never throws. */
  classify(result: AttemptResult<T>, instance: ServiceInstance): Judged<T>
  /** Frees what `value` holds. Never throws. */
  discard(value: T): void
  /** Whether the call waits for `attempt`, and may try once more. */
  canMove(attempt: Attempt<T>): boolean
  /** Whether other attempts run beside `attempt`. */
  isAccompanied(attempt: Attempt<T>): boolean
  /** `attempt` waits longer than usual: makes a second try beside it. False when there may be none. */
  trySecond(attempt: Attempt<T>, error: DeadlineExceededError): boolean
  /** Code of the application threw. */
  readonly callbackFailed: CallbackFailed
  /** The instance of `attempt` fell silent. */
  moveOn(attempt: Attempt<T>, error: DeadlineExceededError): void
}

const unwanted: Classification = Object.freeze({ ok: false, blame: 'none', retry: 'never' })

/** One try of a call on one instance, from the pick to the report of its outcome. */
export class Attempt<T> implements AttemptContext, Interruptible, MovableAttempt {
  readonly number: number
  readonly previous: readonly ServiceInstance[]
  readonly instance: ServiceInstance
  readonly loadReportFormat: 'text' | 'json' | undefined
  movablePlace = -1
  startedAtLook = 0
  readonly #options: AttemptOptions<T>
  #controller: AbortController | undefined
  #listeners: ((reason: unknown) => void)[] | undefined
  #ended: PromiseLike<unknown> | undefined
  #startedAtMs = 0
  #cancelTimer: CancelTimer | undefined
  #resolve: ((settled: SettledAttempt<T>) => void) | undefined
  #interrupted = false
  #reason: unknown
  #cancelled = false
  #outcome: Outcome | undefined

  constructor(options: AttemptOptions<T>) {
    this.#options = options
    this.number = options.number
    this.previous = options.previous
    this.instance = options.picked.instance
    this.loadReportFormat = options.loadReports && requestedFormat(options.loadReports)
  }

  // Made only for attempts that ask for it: a controller costs more than a pick.
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#interrupted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  onInterrupt(listener: (reason: unknown) => void): void {
    if (this.#interrupted) this.#notify(listener)
    else if (this.#listeners === undefined) this.#listeners = [listener]
    else this.#listeners.push(listener)
  }

  get elapsedMs(): number {
    return this.#options.scope.elapsedMs
  }

  // It may be taken out of the context, and most attempts do not ask for it.
  get until(): (ended: PromiseLike<unknown>) => void {
    return (ended) => {
      // A thenable of another kind may throw when it is waited for.
      const settling = ended instanceof Promise ? ended : Promise.resolve(ended)
      this.#ended = settling
      // The attempt may be given up before the call waits for it.
      settling.then(undefined, () => {})
    }
  }

  /** Runs to the end, whatever that is. Never rejects. */
  run(start: AttemptFunction<T>): Promise<SettledAttempt<T>> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#startedAtMs = this.#options.startedAtMs ?? this.#options.clock.now()
      if (this.#interrupted) this.#settle({ ok: false, error: this.#reason })
      else this.#start(start)
    })
  }

  /** Ends it from outside, with the failure `reason`. */
  interrupt(reason: unknown): void {
    if (this.#interrupted) return
    this.#interrupted = true
    this.#reason = reason
    this.#controller?.abort(reason)
    const listeners = this.#listeners
    this.#listeners = undefined
    if (listeners !== undefined) for (const listener of listeners) this.#notify(listener)
    this.#settle({ ok: false, error: reason })
  }

  /** Ends it as no longer needed, without blame. Does nothing if it was ended for another reason. */
  cancel(reason: unknown): void {
    if (this.#interrupted) return
    this.#cancelled = true
    this.interrupt(reason)
  }

  get besideId(): string | undefined {
    return this.#options.besideId
  }

  get secondTryAfterMs(): number {
    return this.#options.secondTryAfterMs ?? Number.POSITIVE_INFINITY
  }

  get halfTimeMs(): number {
    const { startedAtMs, deadlineMs } = this.#options.scope
    return (deadlineMs - startedAtMs) / 2
  }

  get canMove(): boolean {
    return this.#options.call.canMove(this)
  }

  get isAccompanied(): boolean {
    return this.#options.call.isAccompanied(this)
  }

  trySecond(error: DeadlineExceededError): boolean {
    return this.#options.call.trySecond(this, error)
  }

  moveOn(error: DeadlineExceededError): void {
    this.#options.call.moveOn(this, error)
  }

  /** `resolve` gets its end from now on; returns what did before. Only for one that runs. */
  handOver(resolve: (settled: SettledAttempt<T>) => void): (settled: SettledAttempt<T>) => void {
    const before = this.#resolve
    this.#resolve = resolve
    return before ?? (() => {})
  }

  /** How long it ran before `other` started. */
  aheadOfMs(other: Attempt<T>): number {
    return other.#startedAtMs - this.#startedAtMs
  }

  /** Whether `cancel` ended it. */
  get cancelled(): boolean {
    return this.#cancelled
  }

  /** How long it took; NaN as long as it runs. */
  get latencyMs(): number {
    return this.#outcome?.latencyMs ?? Number.NaN
  }

  /** Frees the resources of `value`, which no caller gets any more. */
  discard(value: T): void {
    this.#options.call.discard(value)
  }

  /** Reports the outcome now. */
  done(): void {
    if (this.#outcome !== undefined) this.#options.picked.end(this.#outcome)
  }

  /** Its result is that of the call. Reports the outcome now, or of an answer when the end that was announced by `until` is there. */
  decide(answered: boolean): void {
    const { scope, picked } = this.#options
    if (answered && this.#ended !== undefined) this.#doneAfter(this.#ended)
    else this.done()
    scope.observed?.answered()
    scope.observed?.decidedBy(picked.observed)
  }

  #doneAfter(ended: PromiseLike<unknown>): void {
    const { scope, picked } = this.#options
    const outcome = this.#outcome
    if (outcome === undefined) return
    picked.begun(outcome)
    // Until then the caller's abort still reaches it.
    scope.keepSignal(this)
    ended.then(
      () => {
        picked.end(outcome)
        scope.release()
      },
      (error: unknown) => {
        picked.end({ ...outcome, ok: false, error, ...(scope.cancelled ? { cancelled: true } : undefined) })
        scope.release()
      },
    )
  }

  #notify(listener: (reason: unknown) => void): void {
    try {
      const result: unknown = listener(this.#reason)
      onLateRejection(result, (error) => this.#options.call.callbackFailed('onInterrupt', error))
    } catch (error) {
      this.#options.call.callbackFailed('onInterrupt', error)
    }
  }

  #start(start: AttemptFunction<T>): void {
    const { clock, timeoutMs, movable } = this.#options
    movable?.add(this)
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#cancelTimer = clock.setTimeout(() => this.#timeOut(), timeoutMs)
    try {
      const { observed } = this.#options.picked
      const sent = observed === undefined ? start(this.instance, this) : observed.run(() => start(this.instance, this))
      Promise.resolve(sent).then(
        (value) => {
          // The call no longer waits for an attempt that ignored its signal.
          if (this.#resolve === undefined) this.discard(value)
          else this.#settle({ ok: true, value })
        },
        (error: unknown) => this.#settle({ ok: false, error }),
      )
    } catch (error) {
      this.#settle({ ok: false, error })
    }
  }

  /** The first result counts. */
  #settle(result: AttemptResult<T>): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#resolve = undefined
    this.#cancelTimer?.()
    const { clock, call, movable } = this.#options
    movable?.delete(this)
    const latencyMs = clock.now() - this.#startedAtMs
    // The result of a cancelled attempt does not matter.
    const lost = this.#cancelled && !result.ok
    const judged: Judged<T> = lost ? { result, classification: unwanted } : call.classify(result, this.instance)
    const { ok, statusCode, loadReport } = judged.classification
    // What most attempts come to, without another call.
    const isPlain = ok && judged.result.ok && loadReport === undefined
    const { scope, loadReports } = this.#options
    if (isPlain) this.#outcome = statusCode === undefined ? { ok, latencyMs } : { ok, latencyMs, statusCode }
    else
      this.#outcome = outcomeOf(judged, latencyMs, {
        cancelled: this.#cancelled || scope.cancelled,
        readLoadReports: loadReports !== undefined,
      })
    resolve({ attempt: this, result: judged.result, classification: judged.classification })
  }

  #timeOut(): void {
    const { service, timeoutMs } = this.#options
    const message = `${service}: the attempt on ${this.instance.id} took longer than ${timeoutMs} ms`
    this.interrupt(new DeadlineExceededError(message, { service }))
  }
}
