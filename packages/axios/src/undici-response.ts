import type { AttemptContext, CancelTimer } from '@lb/core'
import { maxResponseFields, systemClock } from '@lb/core/authoring'
import { HeldResponse, missesNoBody } from '@lb/undici/authoring'
import { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'
import type { ResponseHead } from './replayed-response.ts'
import { timeoutMs } from './request.ts'
import { lowestFailure, type UnjudgedResponse } from './response.ts'
import { axiosHeaders, BodyReader } from './undici-body.ts'
import { asNodeError, endOfBody, tooManyInterimResponses } from './undici-errors.ts'
import { type PlainRequest, SentRequest } from './undici-request.ts'

/** What a handler of undici's may do to its request. */
interface UndiciController {
  readonly rawHeaders?: readonly (Buffer | string)[] | Readonly<Record<string, unknown>> | null | undefined
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/** How an attempt ends: with a response, with one whose body is still to come, or with a redirect that is to be followed. */
export type Exchanged =
  | { readonly response: AxiosResponse }
  | { readonly early: UnjudgedResponse }
  | { readonly redirect: ResponseHead }

/**
 * The response to one request that is sent over undici, as axios's adapter gives it. One with a status of failure is decided on at its head,
 * every other one when it is complete.
 */
export class UndiciResponse extends HeldResponse<undefined> {
  readonly #config: InternalAxiosRequestConfig
  readonly #sent: SentRequest
  #controller: UndiciController | undefined
  #cancelTimer: CancelTimer | undefined
  #exchanged: Exchanged | undefined
  #response: AxiosResponse | undefined
  /** Hears of a failure once the attempt is decided on. */
  #rejectWhole: ((reason: unknown) => void) | undefined
  /** What ended it otherwise than the transport: a limit, or an interruption. */
  #failure: { readonly reason: unknown } | undefined

  constructor(config: InternalAxiosRequestConfig, request: PlainRequest) {
    super()
    this.#config = config
    this.#sent = new SentRequest(request)
  }

  override get contentLength(): number {
    return Number(this.#response?.headers['content-length'] ?? Number.NaN)
  }

  /** Resolves when it is clear how the attempt ends. The clock starts before the connection is made. */
  async exchange(send: () => void, context: AttemptContext, leftMs: number | undefined): Promise<Exchanged> {
    context.onInterrupt((reason) => this.#fail(reason))
    if (leftMs !== undefined) this.#cancelTimer = systemClock.setTimeout(() => this.#fail(this.#timeoutError()), leftMs)
    try {
      await this.started(send)
    } catch (error) {
      throw this.#seenByCaller(error)
    }
    if (this.#exchanged !== undefined && 'early' in this.#exchanged) this.keepInFlight(context)
    return this.#exchanged as Exchanged
  }

  onRequestStart(controller: UndiciController): void {
    this.#controller = controller
    this.begin()
  }

  onResponseStart(controller: UndiciController, statusCode: number, headers: object, statusText = ''): void {
    this.#controller = controller
    if (this.isUnwanted) return
    const raw = rawHeaders(controller, headers)
    if (statusCode < 200) {
      if (!this.admitsInterim(raw)) this.#fail(this.#axiosError(tooManyInterimResponses()))
      return
    }
    this.#cancelTimer?.()
    const response: AxiosResponse = {
      status: statusCode,
      statusText,
      headers: axiosHeaders(raw),
      config: this.#config,
      request: this.#sent,
      data: undefined,
    }
    Reflect.deleteProperty(response, 'data')
    const { location } = response.headers
    if (statusCode < 400 && statusCode >= 300 && location && this.#config.maxRedirects !== 0) {
      this.#end({ redirect: { statusCode, statusText, rawHeaders: raw } })
      // Axios, too, gives up the connection.
      this.abort(new Error('the redirect is followed'))
      return
    }
    this.#response = response
    this.#sent.responded(response)
    if (statusCode < lowestFailure) this.#read(response, (whole) => this.#end({ response: whole }))
    else this.#end({ early: { head: response, whole: () => this.#whole(response), giveUp: () => this.discard() } })
  }

  onResponseData(controller: UndiciController, chunk: Buffer): void {
    if (!this.onData(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#cancelTimer?.()
    this.end(undefined)
  }

  onResponseError(_controller: UndiciController | undefined, error: Error): void {
    this.#cancelTimer?.()
    if (missesNoBody(this.#response?.status ?? 0, error)) this.end(undefined)
    else this.failed(error)
  }

  protected override blames(): boolean {
    return this.#failure === undefined
  }

  protected override abortTransport(reason: Error): void {
    this.#controller?.abort(reason)
  }

  protected override pauseTransport(): void {
    this.#controller?.pause()
  }

  protected override resumeTransport(): void {
    this.#controller?.resume()
  }

  /** The rest of a response that was decided on at its head. */
  #whole(head: AxiosResponse): Promise<AxiosResponse> {
    return new Promise((resolve, reject) => {
      this.#rejectWhole = reject
      if (this.#failure === undefined) this.#read(head, resolve)
      else reject(this.#failure.reason)
    })
  }

  #read(response: AxiosResponse, resolve: (response: AxiosResponse) => void): void {
    const broken = (error: Error): void => this.#fail(this.#seenByCaller(error))
    this.passTo(new BodyReader(response, { resolve, reject: (reason) => this.#fail(reason), broken }))
  }

  #end(exchanged: Exchanged): void {
    this.#exchanged = exchanged
    this.#cancelTimer?.()
    this.decide()
  }

  #fail(reason: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { reason }
    this.#cancelTimer?.()
    this.#sent.destroyed = true
    this.reject(reason)
    this.#rejectWhole?.(reason)
    // Does nothing when the response is complete.
    this.abort(reason instanceof Error ? reason : new Error('the request was given up'))
  }

  #seenByCaller(error: unknown): unknown {
    if (this.#failure !== undefined) return this.#failure.reason
    return error instanceof Error ? this.#axiosError(error) : error
  }

  #axiosError(error: Error): AxiosError {
    const ended = this.#response === undefined ? undefined : endOfBody(error)
    if (ended === undefined) return AxiosError.from(asNodeError(error), undefined, this.#config, this.#sent)
    return new AxiosError(ended, AxiosError.ERR_BAD_RESPONSE, this.#config, this.#sent, this.#response)
  }

  #timeoutError(): AxiosError {
    const { timeoutErrorMessage, transitional } = this.#config
    const code = transitional?.clarifyTimeoutError === true ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED
    const message = timeoutErrorMessage || `timeout of ${timeoutMs(this.#config)}ms exceeded`
    return new AxiosError(message, code, this.#config, this.#sent)
  }
}

/** Names and values by turns, read as Node reads them, and no more of them than Node reads. */
function rawHeaders({ rawHeaders: raw }: UndiciController, headers: object): string[] {
  const limit = maxResponseFields * 2
  if (Array.isArray(raw))
    return raw.slice(0, limit).map((each) => (typeof each === 'string' ? each : each.toString('latin1')))
  return Object.entries(headers)
    .flatMap(([name, value]) => [value].flat().flatMap((each) => [name, String(each)]))
    .slice(0, limit)
}
