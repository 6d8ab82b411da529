import type { IncomingMessage } from 'node:http'
import type { AttemptContext } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { drainLimit, drainTimeoutMs } from '@lb/undici/authoring'
import {
  type AxiosAdapter,
  AxiosHeaders,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
  isAxiosError,
} from 'axios'
import { isAgent, noticing } from './agents.ts'
import { AttemptError } from './errors.ts'
import { EarlyResponse, hasGoodStatus, lowestFailure, statusError } from './response.ts'

/** Sends `request`, which `abort` ends, by axios's own adapter. Resolves at the head of a failure, while axios goes on to read its body. */
export function sendNoticingHead(
  request: InternalAxiosRequestConfig,
  context: AttemptContext,
  abort: () => void,
  send: AxiosAdapter,
): Promise<AxiosResponse | EarlyResponse> {
  return new Promise((resolve, reject) => {
    const onHead = (message: IncomingMessage): void => {
      if ((message.statusCode ?? 0) < lowestFailure) return
      const early = earlyResponse(message, request, whole, context, abort)
      if (early !== undefined) resolve(early)
    }
    const noticingHeads = (agent: unknown): unknown =>
      isAgent(agent) ? noticing(agent, (sent) => void sent.once('response', onHead)) : agent
    request.httpAgent = noticingHeads(request.httpAgent)
    request.httpsAgent = noticingHeads(request.httpsAgent)
    const whole = send(request)
    whole.then(resolve, reject)
  })
}

/**
 * A failure of which the head has arrived, and `whole` is still read by axios until `abort` is called. `undefined` if the caller's
 * `validateStatus` throws: axios asks it again, and makes of that what it does.
 */
export function earlyResponse(
  message: IncomingMessage,
  request: InternalAxiosRequestConfig,
  whole: Promise<AxiosResponse>,
  context: AttemptContext,
  abort: () => void,
): EarlyResponse | undefined {
  const { statusCode = 0, statusMessage = '', headers } = message
  const head: AxiosResponse = {
    status: statusCode,
    statusText: statusMessage,
    headers: new AxiosHeaders(Object(headers)),
    config: request,
    data: undefined,
  }
  // Without data it is not the status that was refused.
  Reflect.deleteProperty(head, 'data')
  const error = statusError(head)
  let isGood: boolean
  try {
    isGood = hasGoodStatus(head)
  } catch {
    return undefined
  }
  // The caller's function has been asked.
  request.validateStatus = isGood ? null : () => false
  const ended = whole.then(
    () => {},
    (reason: unknown) => {
      if (brokeOff(reason)) throw AttemptError.wrap(reason)
    },
  )
  context.until(ended)
  const giveUp = (): void => {
    if (Number(headers['content-length'] ?? 0) > drainLimit) {
      abort()
      return
    }
    const cancel = systemClock.setTimeout(abort, drainTimeoutMs, { background: true })
    ended.then(cancel, cancel)
  }
  return new EarlyResponse({ head, whole: () => whole, giveUp }, error)
}

/** An error of axios's own about a whole answer, or a cancellation, says nothing of the body. */
function brokeOff(error: unknown): boolean {
  if (!isAxiosError(error) || error.code === 'ERR_CANCELED') return false
  return error.response === undefined || !Object.hasOwn(error.response, 'data')
}
