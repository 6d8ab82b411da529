import type { InstanceList } from '@lb/core/authoring'
import type { RegistryAnswer, RegistryRequest } from '@lb/registry-http'
import { type BlockingIndex, nextIndex } from './blocking-index.ts'
import type { ConsulClient } from './client.ts'
import { consulInstances } from './instances.ts'
import { type ConsulDiscoveryOptions, tagsOf } from './options.ts'
import { serviceFilter } from './service-filter.ts'

/** How the health of a service is asked for. */
export interface HealthQuery {
  readonly index: BlockingIndex
  readonly signal: AbortSignal | undefined
  /** Only a watch waits for the answer. */
  readonly background: boolean
}

/** The instances are sorted by id. */
export interface HealthAnswer extends InstanceList {
  /** For the next query. */
  readonly index: BlockingIndex
}

const defaultWaitMs = 50_000

/** Asks an agent which instances a service has, and how they are: `/v1/health/service`. */
export class ServiceHealth {
  readonly #client: ConsulClient
  readonly #query: NonNullable<RegistryRequest['query']>
  readonly #zoneKey: string
  readonly #nearest: number | undefined
  readonly #waitMs: number
  readonly #blockingTimeoutMs: number

  constructor(client: ConsulClient, options: ConsulDiscoveryOptions, timeoutMs: number) {
    this.#client = client
    this.#query = queryOf(options)
    this.#zoneKey = options.zoneKey ?? 'zone'
    this.#nearest = options.near?.count
    this.#waitMs = options.waitMs ?? defaultWaitMs
    // The agent waits up to a sixteenth longer, so that its clients do not come back together.
    this.#blockingTimeoutMs = Math.ceil((this.#waitMs * 17) / 16) + timeoutMs
  }

  /** @throws DiscoveryError when it cannot be known which instances there are, or the reason of the signal */
  async ask(service: string, { index, signal, background }: HealthQuery): Promise<HealthAnswer> {
    const path = pathOf(service)
    const blocking = index === undefined ? {} : { index: String(index), wait: `${this.#waitMs}ms` }
    const answer = await this.#client.demand({
      method: 'GET',
      path,
      query: { ...this.#query, ...blocking },
      background,
      ...(index === undefined ? {} : { timeoutMs: this.#blockingTimeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    })
    const list = this.#listIn(answer, path)
    if (list.instances.length === 0 && list.rejected.length === 0) this.#checkEmptiness(answer, path)
    return { ...list, index: nextIndex(index, answer.headers.get('x-consul-index')) }
  }

  #listIn(answer: RegistryAnswer, path: string): InstanceList {
    const body = answer.json()
    if (!Array.isArray(body)) throw this.#client.refusal(answer, path, 'the answer is no list')
    return consulInstances(body, { zoneKey: this.#zoneKey, nearest: this.#nearest })
  }

  /** Nothing to be seen is not nothing there. */
  #checkEmptiness(answer: RegistryAnswer, path: string): void {
    if (answer.headers.get('x-consul-results-filtered-by-acls') === 'true') {
      throw this.#client.refusal(answer, path, 'the list is empty because the token may not see its instances')
    }
    if (answer.headers.get('x-consul-knownleader') === 'false') {
      throw this.#client.refusal(answer, path, 'the list is empty, and comes from a server that knows no leader')
    }
  }
}

function pathOf(service: string): string {
  return `/v1/health/service/${encodeURIComponent(service)}`
}

function queryOf(options: ConsulDiscoveryOptions): NonNullable<RegistryRequest['query']> {
  const { datacenter, tag, filter, passing, near, consistency } = options
  return {
    dc: datacenter,
    filter: serviceFilter(tagsOf(tag), filter),
    passing: passing === true ? true : undefined,
    near: near === undefined ? undefined : (near.node ?? '_agent'),
    stale: consistency === 'stale' ? true : undefined,
    consistent: consistency === 'consistent' ? true : undefined,
  }
}
