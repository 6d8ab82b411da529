import { Agent, type IncomingMessage } from 'node:http'
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
import { noticing } from './agents.ts'
import { AttemptError } from './errors.ts'
import type { AttemptSignal } from './request.ts'
import { type EarlyResponse, hasGoodStatus, lowestFailure, statusError } from './response.ts'

/** Sends `request` by axios's own adapter, and resolves at the head of a failure, while axios goes on to read its body. */
export function sendNoticingHead(
  request: InternalAxiosRequestConfig,
  context: AttemptContext,
  send: AxiosAdapter,
): Promise<AxiosResponse | EarlyResponse> {
  return new Promise((resolve, reject) => {
    const onHead = (message: IncomingMessage): void => {
      if ((message.statusCode ?? 0) < lowestFailure) return
      let early: EarlyResponse
      try {
        early = earlyResponse(message, request, whole, context)
      } catch {
        // The caller's `validateStatus` threw: axios asks it again, and makes of that what it does.
        return
      }
      resolve(early)
    }
    if (request.url?.startsWith('https:') === true) request.httpsAgent = noticingHeads(request.httpsAgent, onHead)
    else request.httpAgent = noticingHeads(request.httpAgent, onHead)
    const whole = send(request)
    whole.then(resolve, reject)
  })
}

/** `agent`, which tells of the heads of the responses to its requests; one that is no agent of Node's is left alone. */
function noticingHeads(agent: unknown, onHead: (message: IncomingMessage) => void): unknown {
  if (!(agent instanceof Agent)) return agent
  return noticing(agent, (request) => request.once('response', onHead))
}

function earlyResponse(
  message: IncomingMessage,
  request: InternalAxiosRequestConfig,
  whole: Promise<AxiosResponse>,
  context: AttemptContext,
): EarlyResponse {
  const head = {
    status: message.statusCode,
    statusText: message.statusMessage,
    headers: new AxiosHeaders(message.headers as never),
    config: request,
  } as AxiosResponse
  const error = statusError(head)
  const isGood = hasGoodStatus(head)
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
    const abort = (): void => (request.signal as AttemptSignal).abort()
    if (Number(message.headers['content-length'] ?? 0) > drainLimit) {
      abort()
      return
    }
    const cancel = systemClock.setTimeout(abort, drainTimeoutMs, { background: true })
    ended.then(cancel, cancel)
  }
  return { head, error, whole: () => whole, giveUp }
}

/** An error of axios's own about a whole answer, or a cancellation, says nothing of the body. */
function brokeOff(error: unknown): boolean {
  if (!isAxiosError(error) || error.code === 'ERR_CANCELED') return false
  return error.response === undefined || !Object.hasOwn(error.response, 'data')
}
