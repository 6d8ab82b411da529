import type { AttemptContext, LoadBalancer, ServiceInstance } from '@lb/core'
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios'
import { timeLeft } from './attempt-request.ts'
import { type EarlyAnswer, judged, validResponse } from './early-answer.ts'
import type { AnswerHead } from './replayed-answer.ts'
import type { ServiceUrl } from './service-url.ts'
import { isUnreadable } from './undici-errors.ts'
import { type Exchanged, UndiciExchange } from './undici-exchange.ts'
import { type Undici, UndiciPools } from './undici-pools.ts'
import { plainRequest } from './undici-request.ts'

/** Every client of a load balancer shares its connections. */
const poolsOf = new WeakMap<LoadBalancer, UndiciPools>()

/** How a request ended, as the caller sees it. */
export type Seen = AxiosResponse | EarlyAnswer | { readonly redirect: AnswerHead }

/** Sends the requests that need nothing of axios's own adapter over undici's connections. */
export class UndiciTransport {
  readonly #pools: UndiciPools

  constructor(lb: LoadBalancer, undici: Undici) {
    const pools = poolsOf.get(lb) ?? new UndiciPools(lb, undici)
    poolsOf.set(lb, pools)
    this.#pools = pools
  }

  /** `undefined`: the request is one for axios's own adapter. */
  send(
    config: InternalAxiosRequestConfig,
    url: ServiceUrl,
    instance: ServiceInstance,
    context: AttemptContext,
    host: string | undefined,
  ): Promise<Seen> | undefined {
    if (!this.#pools.reads(instance)) return undefined
    const request = plainRequest(config, url, instance, host)
    if (request === undefined) return undefined
    const { timeout } = timeLeft(config, context)
    const exchanged = new Promise<Exchanged>((resolve, reject) => {
      const exchange = new UndiciExchange(config, request, resolve, (reason) => {
        if (isUnreadable(reason)) this.#pools.cannotRead(instance)
        reject(reason)
      })
      exchange.begin(context, timeout)
      try {
        this.#pools.dispatch(instance, { ...request, headersTimeout: 0, bodyTimeout: timeout ?? 0 }, exchange)
      } catch (error) {
        exchange.onResponseError(undefined, error as Error)
      }
    })
    // Here, as `validateStatus` is to run where the request was made.
    return exchanged.then(seenByCaller)
  }
}

function seenByCaller(exchanged: Exchanged): Seen {
  if ('response' in exchanged) return validResponse(exchanged.response)
  return 'early' in exchanged ? judged(exchanged.early) : exchanged
}
