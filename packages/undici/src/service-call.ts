import {
  type AttemptContext,
  type AttemptResult,
  CallSignal,
  type Classification,
  type ExecuteOptions,
  type LoadBalancer,
  type ServiceInstance,
} from '@lb/core'
import { type Dispatcher, errors } from 'undici'
import type { Answer } from './answer.ts'
import { CallerHandler, type RawFields } from './caller-handler.ts'
import { classify } from './classification.ts'
import type { HandlerForm } from './handler-form.ts'
import { type FailedAttempt, withDetails } from './load-balanced-error.ts'
import { withoutInstance } from './own-location.ts'
import type { RequestBody } from './request-body.ts'
import { headerOf, type RequestHeaders } from './request-headers.ts'
import { instanceOrigin, type ServiceOrigin } from './service-origin.ts'
import { ControlledAnswer, RawAnswer } from './transport-handlers.ts'

/** A request to a service as it is sent, but for where it goes. */
export interface ServiceRequest {
  readonly origin: ServiceOrigin
  readonly options: Dispatcher.DispatchOptions
  readonly headers: RequestHeaders
  readonly body: RequestBody | undefined
  readonly isIdempotent: boolean
  readonly hashKey: string | undefined
}

/** Shared, as it is what a call begins and ends with. */
const none: readonly never[] = Object.freeze([])

/** One request of the caller's with all its attempts; it is also what the caller controls it by. */
export class ServiceCall extends CallerHandler {
  readonly isIdempotent: boolean
  readonly #request: ServiceRequest
  readonly #dispatch: Dispatcher.Dispatch
  readonly #signal = new CallSignal()
  /** Attempts so far. */
  #answers: readonly (ControlledAnswer | RawAnswer)[] = none
  #taken: Answer | undefined
  #failures: readonly FailedAttempt[] = none

  constructor(
    request: ServiceRequest,
    dispatch: Dispatcher.Dispatch,
    handler: Dispatcher.DispatchHandler,
    form: HandlerForm,
  ) {
    super(handler, form)
    this.#request = request
    this.#dispatch = dispatch
    this.isIdempotent = request.isIdempotent
  }

  run(lb: LoadBalancer): void {
    this.start()
    if (this.aborted) {
      this.#end(this.reason)
      return
    }
    const { origin, isIdempotent, hashKey } = this.#request
    const common: ExecuteOptions<Answer> = {
      idempotent: isIdempotent,
      signal: this.#signal,
      classify: (result, instance) => this.#classify(result, instance),
      discard,
    }
    const options = hashKey === undefined ? common : { ...common, hashKey }
    lb.execute(origin.service, (instance, context) => this.#attempt(instance, context), options).then(
      (answer) => this.#settle(answer),
      (error: unknown) => this.#end(error),
    )
  }

  /** Makes `answer` the one that the caller gets; false when it has one, or needs none any more. */
  take(answer: Answer): boolean {
    if (this.#taken !== undefined || this.finished) return false
    this.#taken = answer
    return true
  }

  /** What `location`, in a redirect of `instance`, is to the caller. */
  seenByCaller(location: string, instance: ServiceInstance): string {
    const { origin, headers } = this.#request
    const host = headerOf(headers, 'host')
    return withoutInstance(location, { instance, secure: origin.secure, host }) ?? location
  }

  protected override described(error: unknown): unknown {
    return withDetails(error, { service: this.#request.origin.service, attempts: this.#failures })
  }

  protected override finish(): void {
    this.#request.body?.release()
  }

  /**
   * Lets go of everything when the caller has heard the end: its handler may hold on to this, and what cannot be used any more is not to
   * live as long.
   */
  release(): void {
    if (this.#answers.length > 1) return
    this.#answers = none
    this.#taken = undefined
  }

  /** The fields of the answer as they came, until its end. */
  get rawHeaders(): RawFields {
    return this.#taken instanceof ControlledAnswer ? this.#taken.rawHeaders : null
  }

  get rawTrailers(): RawFields {
    return this.#taken instanceof ControlledAnswer ? this.#taken.rawTrailers : null
  }

  pause(): void {
    if (this.paused) return
    this.paused = true
    this.#taken?.pause()
  }

  // A property, as it is handed out alone.
  readonly resume = (): void => {
    if (!this.paused) return
    this.paused = false
    this.#taken?.resume()
  }

  abort(reason?: Error): void {
    if (this.aborted || this.finished) return
    this.aborted = true
    this.reason = reason ?? new errors.RequestAbortedError()
    this.#signal.abort(this.reason)
    for (const answer of this.#answers) answer.abandon(this.reason)
  }

  #attempt(instance: ServiceInstance, context: AttemptContext): Promise<Answer> {
    const { origin, options, headers, body } = this.#request
    const answer = this.isRaw ? new RawAnswer(this, instance, context) : new ControlledAnswer(this, instance, context)
    this.hearSending(answer)
    this.#answers = this.#answers.length === 0 ? [answer] : [...this.#answers, answer]
    // lb gave it up, because of a limit or of news about the instance.
    context.onInterrupt((reason) => {
      if (answer !== this.#taken) answer.abandon(reason as Error)
    })
    return answer.started(() => {
      const sent = { ...options, origin: instanceOrigin(instance, origin.secure), headers: headers as never }
      if (body !== undefined) sent.body = body.open() as never
      this.#dispatch(sent, answer)
    })
  }

  #classify(result: AttemptResult<Answer>, instance: ServiceInstance): Classification {
    if (result.ok) result.value.keepInFlight()
    if (!result.ok) this.#failed({ instance, error: result.error })
    else if (result.value.statusCode >= 500) this.#failed({ instance, statusCode: result.value.statusCode })
    // What the caller has seen is not repeated.
    if (!result.ok && this.#taken !== undefined) return { ok: false, retry: 'never' }
    return classify(result, this.#request.body)
  }

  #failed(attempt: FailedAttempt): void {
    this.#failures = [...this.#failures, attempt]
  }

  #settle(answer: Answer): void {
    // Aborted between the answer and the decision about it.
    if (this.aborted) {
      this.#end(this.reason)
      return
    }
    this.#abandonOthers(answer)
    answer.passOn()
  }

  /** The caller hears that there is no answer, unless it has one. */
  #end(error: unknown): void {
    this.#abandonOthers(this.#taken)
    if (this.#taken === undefined) this.fail(error)
  }

  #abandonOthers(chosen: Answer | undefined): void {
    if (this.#answers.length === 1 && this.#answers[0] === chosen) return
    for (const answer of this.#answers) {
      if (answer !== chosen) answer.abandon(new DOMException('another attempt was faster', 'AbortError'))
    }
  }
}

function discard(answer: Answer): void {
  answer.discard()
}
