import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Answer } from './answer.ts'
import { countOf, fieldsOfRaw, fieldsOfRecord, listed, placeOfLocation } from './answer-fields.ts'
import type { RawFields } from './caller-handler.ts'

type Controller = Dispatcher.DispatchController

/** Takes an answer in the form of undici 7 and 8. */
export class ControlledAnswer extends Answer implements Dispatcher.DispatchHandler {
  /** Kept here: the transport may let go of them before the caller has heard of the answer. */
  rawHeaders: RawFields = null
  rawTrailers: RawFields = null
  #controller: Controller | undefined

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    this.begin()
  }

  onResponseStarted(): void {
    this.firstByte()
  }

  onResponseStart(controller: Controller, statusCode: number, headers: object, statusText = ''): void {
    this.#controller = controller
    const raw: RawFields = controller.rawHeaders ?? null
    this.rawHeaders = raw
    if (statusCode < 200) {
      this.interim(statusCode, headers, statusText, listed(raw ?? (headers as never)))
      return
    }
    const seen = statusCode >= 300 && statusCode < 400 ? this.#redirect(headers as never) : headers
    const fields = fieldsOfRecord(seen as never, countOf(raw ?? (headers as never)), statusCode)
    if (!this.head(statusCode, seen, statusText, fields)) controller.pause()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.data(chunk)) controller.pause()
  }

  onResponseEnd(controller: Controller, trailers: object): void {
    this.rawTrailers = controller?.rawTrailers ?? null
    this.end(trailers)
  }

  onRequestUpgrade(controller: Controller, statusCode: number, headers: object, socket: Duplex): void {
    this.#controller = controller
    this.rawHeaders = controller.rawHeaders ?? null
    this.upgrade(statusCode, headers, socket)
  }

  /** The fields with `Location` as the caller sees it; so are the raw ones then. */
  #redirect(headers: Readonly<Record<string, unknown>>): object {
    const { location } = headers
    const seen = typeof location === 'string' ? this.seenByCaller(location) : location
    if (seen === location) return headers
    const raw = this.rawHeaders
    if (Array.isArray(raw)) this.rawHeaders = withValue(raw as Buffer[], placeOfLocation(raw), seen as string)
    else if (raw !== null) this.rawHeaders = { ...raw, location: seen as string }
    return { ...headers, location: seen }
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    this.failed(error)
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
}

/** Takes an answer in the form of undici 6, which undici 7 still speaks inside. */
export class RawAnswer extends Answer implements Dispatcher.DispatchHandler {
  #abort: ((reason?: Error) => void) | undefined
  #resume: (() => void) | undefined

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    this.begin()
  }

  onResponseStarted(): void {
    this.firstByte()
  }

  onHeaders(statusCode: number, headers: Buffer[], resume: () => void, statusText: string): boolean {
    this.#resume = resume
    if (statusCode < 200) {
      this.interim(statusCode, headers, statusText, headers)
      return true
    }
    const seen = statusCode >= 300 && statusCode < 400 ? this.#redirect(headers) : headers
    return this.head(statusCode, seen, statusText, fieldsOfRaw(seen, statusCode))
  }

  /** The fields with `Location` as the caller sees it. */
  #redirect(headers: Buffer[]): Buffer[] {
    const place = placeOfLocation(headers)
    if (place === -1) return headers
    const location = (headers[place] as Buffer).toString('latin1')
    const seen = this.seenByCaller(location)
    return seen === location ? headers : withValue(headers, place, seen)
  }

  onData(chunk: Buffer): boolean {
    return this.data(chunk)
  }

  onComplete(trailers: string[] | null): void {
    this.end(trailers)
  }

  onUpgrade(statusCode: number, headers: Buffer[] | string[] | null, socket: Duplex): void {
    this.upgrade(statusCode, headers, socket)
  }

  onError(error: Error): void {
    this.failed(error)
  }

  protected override abortTransport(reason: Error): void {
    this.#abort?.(reason)
  }

  // It pauses by what `onHeaders` and `onData` return.
  protected override pauseTransport(): void {}

  protected override resumeTransport(): void {
    this.#resume?.()
  }
}

function withValue(fields: readonly Buffer[], place: number, value: string): Buffer[] {
  const changed = [...fields]
  changed[place] = Buffer.from(value, 'latin1')
  return changed
}
