import { finished } from 'node:stream/promises'
import { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig, isAxiosError } from 'axios'

/** A response with a status of failure whose body is still to come, before the caller's `validateStatus` was asked. */
export interface UnjudgedResponse {
  /** Without its data. */
  readonly head: AxiosResponse
  /** Reads the body, once; settles when it is there. */
  readonly whole: () => Promise<AxiosResponse>
  /** The response is not wanted. */
  readonly giveUp: () => void
}

/**
 * A response with a status of failure whose body is still to come. lb decides on it at its head: the body may never come, and
 * another instance may do better.
 */
export class EarlyResponse implements UnjudgedResponse {
  readonly head: AxiosResponse
  /** What axios makes of the response when the caller does not take the status for a good one. */
  readonly error: AxiosError
  /** As that of the response itself, but rejects with `error` when the caller does not take the status for a good one. */
  readonly whole: () => Promise<AxiosResponse>
  readonly giveUp: () => void

  constructor({ head, whole, giveUp }: UnjudgedResponse, error: AxiosError) {
    this.head = head
    this.error = error
    this.whole = whole
    this.giveUp = giveUp
  }
}

/** The lowest status of responses that are decided on at their head. */
export const lowestFailure = 400

/** Whether the caller takes the status for a good one: asks its `validateStatus`, which is the application's code. */
export function hasGoodStatus({ status, config: { validateStatus } }: AxiosResponse): boolean {
  return !status || !validateStatus || Boolean(validateStatus(status))
}

/** What axios makes of a response whose status is not a good one. */
export function statusError(response: AxiosResponse): AxiosError {
  const { status, request, config } = response
  const code = status >= 400 && status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE
  return new AxiosError(`Request failed with status code ${status}`, code, config, request, response)
}

/** The response, if the caller takes its status. */
export function validResponse(response: AxiosResponse): AxiosResponse {
  if (hasGoodStatus(response)) return response
  throw statusError(response)
}

/** The response, whose status the caller has judged; it is given up when that throws. */
export function judged(response: UnjudgedResponse): EarlyResponse {
  const error = statusError(response.head)
  let isGood: boolean
  try {
    isGood = hasGoodStatus(response.head)
  } catch (thrown) {
    response.giveUp()
    throw thrown
  }
  if (isGood) return new EarlyResponse(response, error)
  const whole = async (): Promise<AxiosResponse> => {
    await response.whole()
    throw error
  }
  return new EarlyResponse({ ...response, whole }, error)
}

/** A response body that is handed out as a stream: Node's, or the web's from the fetch adapter. */
export type ResponseBody =
  | (NodeJS.ReadableStream & { destroy(): void; readonly errored?: Error | null })
  | ReadableStream

export function isBody(data: unknown): data is ResponseBody {
  if (typeof data !== 'object' || data === null) return false
  return data instanceof ReadableStream || ('pipe' in data && 'destroy' in data)
}

/** Resolves when the body was read or given up by the reader; rejects when it broke off. */
export async function endOf(body: ResponseBody): Promise<void> {
  try {
    await finished(body)
  } catch (error) {
    // An error of axios itself is a limit or a cancellation of the caller's.
    if (isAxiosError(error) || (!(body instanceof ReadableStream) && !body.errored)) return
    throw error
  }
}

/** Makes errors that axios itself raises while the body is read be about the request as the caller wrote it. */
export function aboutRequest(body: unknown, config: InternalAxiosRequestConfig): void {
  if (!isBody(body) || body instanceof ReadableStream) return
  body.once('error', (error) => {
    if (isAxiosError(error)) error.config = config
  })
}

/** Frees the connection of a body that is not read. */
export function giveUp(body: unknown): void {
  if (!isBody(body)) return
  if (body instanceof ReadableStream) body.cancel().catch(() => {})
  else body.destroy()
}
