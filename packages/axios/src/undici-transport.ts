import type { AttemptContext, LoadBalancer, ServiceInstance } from '@lb/core'
import type { InternalAxiosRequestConfig } from 'axios'
import { timeLeft } from './attempt-request.ts'
import type { ServiceUrl } from './service-url.ts'
import { type Exchanged, UndiciExchange, validResponse } from './undici-exchange.ts'
import { type Undici, UndiciPools } from './undici-pools.ts'
import { plainRequest } from './undici-request.ts'

/** Every client of a load balancer shares its connections. */
const poolsOf = new WeakMap<LoadBalancer, UndiciPools>()

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
  ): Promise<Exchanged> | undefined {
    const request = plainRequest(config, url, instance, host)
    if (request === undefined) return undefined
    const { timeout } = timeLeft(config, context)
    const exchanged = new Promise<Exchanged>((resolve, reject) => {
      const exchange = new UndiciExchange(config, request, resolve, reject)
      exchange.begin(context, timeout)
      try {
        this.#pools.dispatch(instance, { ...request, headersTimeout: 0, bodyTimeout: timeout ?? 0 }, exchange)
      } catch (error) {
        exchange.onResponseError(undefined, error as Error)
      }
    })
    return exchanged.then((each) => ('response' in each ? { response: validResponse(each.response) } : each))
  }
}
