import type { Outcome } from './balancer/balancer.ts'
import type { CallScope } from './call-scope.ts'
import type { CancelTimer, Clock } from './clock.ts'
import { DeadlineExceededError } from './errors.ts'
import type { ServiceInstance } from './instance.ts'
import { parseLoadReport } from './load-report/load-report.ts'
import type { SinglePickResult } from './pick-result.ts'
import type { AttemptResult, Classification } from './retry/classification.ts'

/** What an attempt may know of the call it belongs to. */
export interface AttemptContext {
  /** 1 for the first attempt. */
  readonly number: number
  /** Aborted when the caller aborts, the deadline passes or the attempt takes too long. Pass it to the transport. */
  readonly signal: AbortSignal
  /** Instances tried before, in order. */
  readonly previous: readonly ServiceInstance[]
  /** Milliseconds since the call began. */
  readonly elapsedMs: number
  /**
   * Counts the request in flight, and passes the caller's abort on, until `ended` settles: for a response whose body is
   * still being read when the attempt resolves. A rejection counts as the instance's failure.
   */
  readonly until: (ended: PromiseLike<unknown>) => void
}

export type AttemptFunction<T> = (instance: ServiceInstance, context: AttemptContext) => Promise<T> | T

/** What an attempt gave, and what that means. */
export interface Judged<T> {
  readonly result: AttemptResult<T>
  readonly classification: Classification
}

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
  readonly picked: Pick<SinglePickResult, 'instance' | 'answered' | 'done'>
  readonly timeoutMs: number
  /** Whether load reports are wanted. */
  readonly readLoadReports: boolean
  /** Never throws. */
  readonly classify: (result: AttemptResult<T>, instance: ServiceInstance) => Judged<T>
  readonly discard: (value: T) => void
}

const unwanted: Classification = Object.freeze({ ok: false, retry: 'never' })

/** One try of a call on one instance, from the pick to the report of its outcome. */
export class Attempt<T> implements AttemptContext {
  readonly number: number
  readonly previous: readonly ServiceInstance[]
  readonly instance: ServiceInstance
  readonly #options: AttemptOptions<T>
  #controller: AbortController | undefined
  #ended: PromiseLike<unknown> | undefined
  #reject: ((reason: unknown) => void) | undefined
  #interrupted = false
  #reason: unknown
  #cancelled = false
  #outcome: Outcome | undefined

  constructor(options: AttemptOptions<T>) {
    this.#options = options
    this.number = options.number
    this.previous = options.previous
    this.instance = options.picked.instance
  }

  // Made only for attempts that ask for it: a controller costs more than a pick.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  get elapsedMs(): number {
    return this.#options.scope.elapsedMs
  }

  // A property, as it may be taken out of the context.
  readonly until = (ended: PromiseLike<unknown>): void => {
    this.#ended = ended
    // The attempt may be given up before anybody waits for it.
    ended.then(undefined, () => {})
  }

  /** Runs to the end, whatever that is. Never rejects. */
  async run(start: AttemptFunction<T>): Promise<SettledAttempt<T>> {
    const { clock, classify } = this.#options
    const startedAt = clock.now()
    let given: AttemptResult<T>
    try {
      given = { ok: true, value: await this.#start(start) }
    } catch (error) {
      given = { ok: false, error }
    }
    const latencyMs = clock.now() - startedAt
    // What became of one that was cancelled is nobody's concern.
    const lost = this.#cancelled && !given.ok
    const judged: Judged<T> = lost ? { result: given, classification: unwanted } : classify(given, this.instance)
    this.#outcome = this.#outcomeOf(judged, latencyMs)
    return { attempt: this, ...judged }
  }

  /** Ends it from outside, with the failure `reason`. */
  readonly interrupt = (reason: unknown): void => {
    if (this.#interrupted) return
    this.#interrupted = true
    this.#reason = reason
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
    this.#reject?.(reason)
  }

  /** Ends it as no longer wanted: nobody is blamed. Does nothing when it was ended for another reason. */
  cancel(reason: unknown): void {
    if (this.#interrupted) return
    this.#cancelled = true
    this.interrupt(reason)
  }

  /** Whether `cancel` ended it. */
  get cancelled(): boolean {
    return this.#cancelled
  }

  /** How long it took; NaN as long as it runs. */
  get latencyMs(): number {
    return this.#outcome?.latencyMs ?? Number.NaN
  }

  /** Frees what `value` holds, which nobody gets any more. */
  discard(value: T): void {
    try {
      this.#options.discard(value)
    } catch {
      // There is nobody left who could be told.
    }
  }

  /** Reports the outcome now. */
  done(): void {
    this.#options.picked.done(this.#outcome as Outcome)
  }

  /** Reports a good outcome now, or when the end that was announced by `until` is there. */
  doneAtEnd(): void {
    const { scope, picked } = this.#options
    const outcome = this.#outcome as Outcome
    if (this.#ended === undefined) {
      picked.done(outcome)
      return
    }
    picked.answered()
    // Until then the caller's abort still reaches it.
    scope.keepSignal(this.interrupt)
    this.#ended.then(
      () => {
        picked.done(outcome)
        scope.release()
      },
      (error: unknown) => {
        picked.done({ ...outcome, ok: false, error, ...(scope.cancelled ? { cancelled: true } : undefined) })
        scope.release()
      },
    )
  }

  #start(start: AttemptFunction<T>): Promise<T> {
    const { clock, timeoutMs } = this.#options
    if (this.#interrupted) return Promise.reject(this.#reason)
    let cancelTimer: CancelTimer | undefined
    const promise = new Promise<T>((resolve, reject) => {
      this.#reject = reject
      if (timeoutMs !== Number.POSITIVE_INFINITY) cancelTimer = clock.setTimeout(() => this.#timeOut(), timeoutMs)
      // The executor of a promise turns a synchronous throw into a rejection.
      Promise.resolve(start(this.instance, this)).then((value) => {
        // Nobody waits any more for an attempt that did not heed its signal.
        if (this.#interrupted) this.discard(value)
        else resolve(value)
      }, reject)
    })
    return cancelTimer === undefined ? promise : promise.finally(cancelTimer)
  }

  #timeOut(): void {
    const { service, timeoutMs } = this.#options
    const message = `${service}: the attempt on ${this.instance.id} took longer than ${timeoutMs} ms`
    this.interrupt(new DeadlineExceededError(message, { service }))
  }

  #outcomeOf({ result, classification }: Judged<T>, latencyMs: number): Outcome {
    const { scope, readLoadReports } = this.#options
    const { ok, statusCode, loadReport } = classification
    const report = loadReport !== undefined && readLoadReports ? parseLoadReport(loadReport) : undefined
    const cancelled = !ok && (this.#cancelled || scope.cancelled)
    return {
      ok,
      latencyMs,
      ...(statusCode === undefined ? undefined : { statusCode }),
      ...(result.ok ? undefined : { error: result.error }),
      ...(cancelled ? { cancelled } : undefined),
      ...(report === undefined ? undefined : { loadReport: report }),
    }
  }
}
