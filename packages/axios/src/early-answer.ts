import { AxiosError, type AxiosResponse } from 'axios'

/**
 * An answer with a status of failure whose body is still to come. lb decides on it at its head: the body may never come, and
 * another instance may do better.
 */
export interface EarlyAnswer extends UnjudgedAnswer {
  /** What axios makes of the answer when the caller does not take the status for a good one. */
  readonly error: AxiosError
  /** Settles as the request does, when the body is there. */
  readonly whole: Promise<AxiosResponse>
}

/** Such an answer before the caller's `validateStatus` was asked. */
export interface UnjudgedAnswer {
  /** Without its data. */
  readonly head: AxiosResponse
  /** Settles when the body is there. */
  readonly whole: Promise<AxiosResponse>
  /** Settles when the body has ended; rejects when it broke off. */
  readonly ended: Promise<void>
  /** Nobody wants it. */
  giveUp(): void
}

/** The lowest status of answers that are decided on at their head. */
export const lowestFailure = 400

/** Bytes of a body nobody wants that are read, so that the connection can be used again. */
export const drainLimit = 65_536
/** How long they are waited for, in milliseconds. */
export const drainTimeoutMs = 1_000

export function isEarly(value: object): value is EarlyAnswer {
  return 'whole' in value
}

/** Whether the caller takes the status for a good one: asks its `validateStatus`, which is the application's code. */
export function hasGoodStatus({ status, config: { validateStatus } }: AxiosResponse): boolean {
  return !status || !validateStatus || Boolean(validateStatus(status))
}

/** What axios makes of an answer whose status is not a good one. */
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

/** The answer, whose status the caller has judged; nobody gets it when that throws. */
export function judged(answer: UnjudgedAnswer): EarlyAnswer {
  const error = statusError(answer.head)
  let isGood: boolean
  try {
    isGood = hasGoodStatus(answer.head)
  } catch (thrown) {
    answer.giveUp()
    throw thrown
  }
  if (isGood) return { ...answer, error }
  const whole = answer.whole.then(() => Promise.reject(error))
  whole.catch(() => {})
  return { ...answer, error, whole }
}
