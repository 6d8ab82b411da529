import type {
  AttemptContext,
  AttemptResult,
  Classification,
  Criticality,
  ExecuteOptions,
  LoadBalancer,
  MetadataMatch,
  ServiceInstance,
} from '@lb/core'
import { CallSignal, type FailedAttempt, loadReportFormatHeader } from '@lb/core/authoring'
import type { Dispatcher } from 'undici'
import type { RawHeaders } from './call-controller.ts'
import { CallerHandler } from './caller-handler.ts'
import { classify } from './classification.ts'
import { asError, withDetails } from './errors.ts'
import { withoutInstance } from './own-location.ts'
import type { RequestBody } from './request-body.ts'
import { headerOf, type RequestHeaders, withHeader } from './request-headers.ts'
import { type ResponseCall, ServiceResponse } from './response.ts'
import { instanceOrigin, type ServiceOrigin } from './service-origin.ts'

/** A request to a service as it is sent, but for where it goes. */
export interface ServiceRequest {
  readonly origin: ServiceOrigin
  readonly options: Dispatcher.DispatchOptions & { readonly headers: RequestHeaders }
  readonly body: RequestBody | undefined
  readonly isIdempotent: boolean
  readonly hashKey: string | undefined
  readonly match: MetadataMatch | undefined
  readonly criticality: Criticality | undefined
}

/** Shared, as it is what a call begins and ends with. */
const none: readonly never[] = Object.freeze([])

/** One request of the caller with all its attempts. */
export class ServiceCall extends CallerHandler implements ResponseCall {
  readonly isIdempotent: boolean
  readonly #request: ServiceRequest
  readonly #dispatch: Dispatcher.Dispatch
  readonly #signal = new CallSignal()
  /** Attempts so far. */
  #responses: readonly ServiceResponse[] = none
  #taken: ServiceResponse | undefined
  #failures: readonly FailedAttempt[] = none

  constructor(request: ServiceRequest, dispatch: Dispatcher.Dispatch, handler: Dispatcher.DispatchHandler) {
    super(handler)
    this.#request = request
    this.#dispatch = dispatch
    this.isIdempotent = request.isIdempotent
  }

  run(lb: LoadBalancer): void {
    this.start()
    const { aborted, reason } = this.controller
    if (aborted) {
      this.#end(reason)
      return
    }
    const { origin, isIdempotent, hashKey, match, criticality, options: sent } = this.#request
    const common: ExecuteOptions<ServiceResponse> = {
      idempotent: isIdempotent,
      signal: this.#signal,
      classify: (result, instance) => this.#classify(result, instance),
      discard,
      httpMethod: sent.method,
    }
    const isPlain = hashKey === undefined && match === undefined && criticality === undefined
    const options = isPlain ? common : { ...common, hashKey, match, criticality }
    lb.execute(origin.service, (instance, context) => this.#attempt(instance, context), options).then(
      (response) => this.#settle(response),
      (error: unknown) => this.#end(error),
    )
  }

  /** Makes `response` the one that the caller gets; false when it has one, or needs none any more. */
  take(response: ServiceResponse): boolean {
    if (this.#taken !== undefined || this.finished) return false
    this.#taken = response
    return true
  }

  /** What `location`, in a redirect of `instance`, is to the caller. */
  seenByCaller(location: string, instance: ServiceInstance): string {
    const { origin, options } = this.#request
    const host = headerOf(options.headers, 'host')
    return withoutInstance(location, { instance, secure: origin.secure, host }) ?? location
  }

  /** The head of the response that was taken. */
  begin(): void {
    const response = this.#taken
    if (response !== undefined) this.head(response.statusCode, response.headers, response.statusText)
  }

  protected override described(error: unknown): unknown {
    return withDetails(error, { service: this.#request.origin.service, attempts: this.#failures })
  }

  protected override finish(): void {
    this.#request.body?.release()
  }

  get rawHeaders(): RawHeaders {
    return this.#taken?.rawHeaders ?? null
  }

  get rawTrailers(): RawHeaders {
    return this.#taken?.rawTrailers ?? null
  }

  override pause(): void {
    this.#taken?.pause()
  }

  override resume(): void {
    this.#taken?.resume()
  }

  override abort(reason: Error): void {
    this.#signal.abort(reason)
    for (const response of this.#responses) response.abort(reason)
    // One that has arrived, and waits for the caller, cannot break off any more.
    if (this.#taken?.isComplete === true) this.fail(reason)
  }

  #attempt(instance: ServiceInstance, context: AttemptContext): Promise<ServiceResponse> {
    const { origin, options, body } = this.#request
    const response = new ServiceResponse(this, instance, context)
    this.forwardSending(response)
    this.#responses = this.#responses.length === 0 ? [response] : [...this.#responses, response]
    // lb gave it up, because of a limit or of news about the instance.
    context.onInterrupt((reason) => {
      if (response !== this.#taken) response.abort(asError(reason))
    })
    return response.started(() => {
      // Each attempt has its own: an interceptor may change what it is given.
      const sent: Dispatcher.DispatchOptions = { ...options, origin: instanceOrigin(instance, origin.secure) }
      const { loadReportFormat } = context
      if (loadReportFormat !== undefined) {
        sent.headers = withHeader(options.headers, loadReportFormatHeader, loadReportFormat)
      }
      if (body !== undefined) sent.body = body.open()
      this.#dispatch(sent, response)
    })
  }

  #classify(result: AttemptResult<ServiceResponse>, instance: ServiceInstance): Classification {
    if (result.ok) result.value.countInFlight()
    if (!result.ok) this.#failed({ instance, error: result.error })
    else if (result.value.statusCode >= 500) this.#failed({ instance, statusCode: result.value.statusCode })
    // What the caller has seen is not repeated.
    if (!result.ok && this.#taken !== undefined) return { ok: false, retry: 'never' }
    return classify(result, this.#request.body)
  }

  #failed(attempt: FailedAttempt): void {
    this.#failures = [...this.#failures, attempt]
  }

  #settle(response: ServiceResponse): void {
    const { aborted, reason } = this.controller
    // Aborted between the response and the decision about it.
    if (aborted) {
      this.#end(reason)
      return
    }
    this.#abandonOthers(response)
    response.passOn()
  }

  /** The caller gets the error, unless it has a response. */
  #end(error: unknown): void {
    this.#abandonOthers(this.#taken)
    if (this.#taken === undefined) this.fail(error)
  }

  #abandonOthers(chosen: ServiceResponse | undefined): void {
    if (this.#responses.length === 1 && this.#responses[0] === chosen) return
    for (const response of this.#responses) {
      if (response !== chosen) response.abort(new DOMException('another attempt was faster', 'AbortError'))
    }
  }
}

function discard(response: ServiceResponse): void {
  response.discard()
}
