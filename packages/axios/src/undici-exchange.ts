import type { AttemptContext, CancelTimer } from '@lb/core'
import { InterimResponses, maxResponseFields, systemClock } from '@lb/core/authoring'
import { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'
import { timeoutMs } from './attempt-request.ts'
import { drainLimit, drainTimeoutMs, lowestFailure, type UnjudgedAnswer } from './early-answer.ts'
import type { AnswerHead } from './replayed-answer.ts'
import { SentRequest } from './sent-request.ts'
import { axiosHeaders, decodedText, isCompressed, uncompressed } from './undici-answer.ts'
import { asNodeError, endOfBody, tooManyInterimResponses } from './undici-errors.ts'
import type { UndiciController, UndiciHandler } from './undici-pools.ts'
import type { PlainRequest } from './undici-request.ts'

/** How an exchange ends: with a response, with one whose body is still to come, or with a redirect that is to be followed. */
export type Exchanged =
  | { readonly response: AxiosResponse }
  | { readonly early: UnjudgedAnswer }
  | { readonly redirect: AnswerHead }

/** One request on a connection of undici's, from its sending to the end of the body, told as axios's adapter tells it. */
export class UndiciExchange implements UndiciHandler {
  readonly #config: InternalAxiosRequestConfig
  readonly #maxBytes: number
  readonly #sent: SentRequest
  #resolve: (exchanged: Exchanged) => void
  #reject: (reason: unknown) => void
  #bodyEnded: (() => void) | undefined
  #bodyBroke: ((reason: unknown) => void) | undefined
  #interim: InterimResponses | undefined
  #controller: UndiciController | undefined
  #cancelTimer: CancelTimer | undefined
  #isOver = false
  #response: AxiosResponse | undefined
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(
    config: InternalAxiosRequestConfig,
    request: PlainRequest,
    resolve: (exchanged: Exchanged) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#config = config
    this.#sent = new SentRequest(request)
    this.#resolve = resolve
    this.#reject = reject
    const limit = config.maxContentLength ?? -1
    this.#maxBytes = limit > -1 ? limit : Number.POSITIVE_INFINITY
  }

  /** Starts the clock, before the connection is made. */
  begin(context: AttemptContext, leftMs: number | undefined): void {
    context.onInterrupt((reason) => this.#fail(reason))
    if (leftMs !== undefined) this.#cancelTimer = systemClock.setTimeout(() => this.#fail(this.#timeoutError()), leftMs)
  }

  onRequestStart(controller: UndiciController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new Error('the request is no longer wanted'))
  }

  onResponseStart(controller: UndiciController, statusCode: number, headers: object, statusText = ''): void {
    if (this.#isOver) return
    const raw = rawHeaders(controller, headers)
    if (statusCode < 200) {
      this.#interim ??= new InterimResponses()
      if (!this.#interim.add(raw)) this.onResponseError(controller, tooManyInterimResponses())
      return
    }
    this.#cancelTimer?.()
    const response = {
      status: statusCode,
      statusText,
      headers: axiosHeaders(raw),
      config: this.#config,
      request: this.#sent,
    } as AxiosResponse
    const { location } = response.headers
    if (statusCode < 400 && statusCode >= 300 && location && this.#config.maxRedirects !== 0) {
      // Axios, too, gives up the connection.
      this.#end({ redirect: { statusCode, statusText, rawHeaders: raw } })
      controller.abort(new Error('the redirect is followed'))
      return
    }
    this.#response = response
    this.#sent.answered(response)
    if (statusCode >= lowestFailure) this.#tellEarly(response)
  }

  onResponseData(_controller: UndiciController, chunk: Buffer): void {
    const response = this.#response
    this.#bytes += chunk.length
    if (this.#isOver) {
      if (this.#bytes > drainLimit) this.#controller?.abort(unwanted())
      return
    }
    if (response === undefined) return
    this.#chunks.push(chunk)
    // What comes compressed is counted when it is not any more.
    if (this.#bytes > this.#maxBytes && !isCompressed(response, this.#config)) this.#fail(this.#tooLong())
  }

  onResponseEnd(): void {
    const response = this.#response
    this.#cancelTimer?.()
    this.#bodyEnded?.()
    if (this.#isOver || response === undefined) return
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    if (!isCompressed(response, this.#config)) {
      this.#deliver(response, body)
      return
    }
    uncompressed(response, body, this.#maxBytes).then(
      (data) => this.#deliver(response, data),
      (error: Error & { code?: string }) => {
        const isLimit = error.code === 'ERR_BUFFER_TOO_LARGE'
        this.#fail(isLimit ? this.#tooLong() : AxiosError.from(error, undefined, this.#config, this.#sent, response))
      },
    )
  }

  onResponseError(_controller: UndiciController | undefined, error: Error): void {
    // Not for axios to look at: it may be the reason of an abort.
    if (this.#isOver) return
    this.#bodyBroke?.(error)
    const response = this.#response
    const ended = response === undefined ? undefined : endOfBody(error)
    if (ended === undefined) this.#fail(AxiosError.from(asNodeError(error), undefined, this.#config, this.#sent))
    else this.#fail(new AxiosError(ended, AxiosError.ERR_BAD_RESPONSE, this.#config, this.#sent, response))
  }

  #deliver(response: AxiosResponse, body: Buffer): void {
    const { responseType, responseEncoding } = this.#config
    try {
      response.data = responseType === 'arraybuffer' ? body : decodedText(body, responseEncoding)
    } catch (error) {
      this.#fail(AxiosError.from(error as Error, undefined, this.#config, this.#sent, response))
      return
    }
    this.#end({ response })
  }

  /** The attempt ends with the head; what is still to come settles the answer. */
  #tellEarly(head: AxiosResponse): void {
    const resolve = this.#resolve
    const whole = new Promise<AxiosResponse>((onResponse, onFailure) => {
      this.#resolve = (exchanged) => onResponse((exchanged as { response: AxiosResponse }).response)
      this.#reject = onFailure
    })
    const ended = new Promise<void>((onEnd, onBreak) => {
      this.#bodyEnded = onEnd
      this.#bodyBroke = onBreak
    })
    for (const each of [whole, ended]) each.catch(() => {})
    resolve({ early: { head, whole, ended, giveUp: () => this.#giveUp() } })
  }

  /** What is left is read if that is little and comes soon, else the connection is given up. */
  #giveUp(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#chunks = []
    this.#bytes = 0
    this.#bodyEnded?.()
    this.#cancelTimer = systemClock.setTimeout(() => this.#controller?.abort(unwanted()), drainTimeoutMs, {
      background: true,
    })
  }

  #end(exchanged: Exchanged): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimer?.()
    this.#resolve(exchanged)
  }

  #fail(reason: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimer?.()
    this.#bodyEnded?.()
    this.#sent.destroyed = true
    this.#reject(reason)
    // Does nothing when the answer is complete.
    this.#controller?.abort(reason instanceof Error ? reason : new Error('the request was given up'))
  }

  #timeoutError(): AxiosError {
    const { timeoutErrorMessage, transitional } = this.#config
    const code = transitional?.clarifyTimeoutError === true ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED
    const message = timeoutErrorMessage || `timeout of ${timeoutMs(this.#config)}ms exceeded`
    return new AxiosError(message, code, this.#config, this.#sent)
  }

  #tooLong(): AxiosError {
    const message = `maxContentLength size of ${this.#config.maxContentLength} exceeded`
    return new AxiosError(message, AxiosError.ERR_BAD_RESPONSE, this.#config, this.#sent)
  }
}

function unwanted(): Error {
  return new Error('the answer is not wanted')
}

/** Names and values by turns, read as Node reads them, and no more of them than Node reads. */
function rawHeaders({ rawHeaders }: UndiciController, headers: object): string[] {
  const limit = maxResponseFields * 2
  if (Array.isArray(rawHeaders))
    return rawHeaders.slice(0, limit).map((each) => (typeof each === 'string' ? each : each.toString('latin1')))
  return Object.entries(headers)
    .flatMap(([name, value]) => [value].flat().flatMap((each) => [name, String(each)]))
    .slice(0, limit)
}
