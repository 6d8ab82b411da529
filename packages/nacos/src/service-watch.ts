import type { Clock, Random } from '@lb/core'
import {
  exponentialBackoffMs,
  jittered,
  type Question,
  type RegistryService,
  type WatchSession,
} from '@lb/core/authoring'
import { retryAfterMsOf } from '@lb/registry-http'
import type { NacosClient } from './client.ts'
import { MalformedAnswer } from './errors.ts'
import { HintedPause } from './hinted-pause.ts'
import { type NacosList, readInstanceList } from './instances.ts'
import { listRequest } from './list-request.ts'
import type { WeightOf } from './options.ts'
import type { PushReceiver } from './push-receiver.ts'
import { type GroupedName, joinedName } from './service-name.ts'

export interface ServiceWatchOptions {
  readonly name: GroupedName
  readonly client: NacosClient
  readonly pushes: PushReceiver | undefined
  readonly namespace: string
  readonly clusters: readonly string[] | undefined
  readonly pollIntervalMs: number
  readonly weightOf: WeightOf | undefined
  readonly clock: Clock
  readonly random: Random
}

/** Bounds for what a server says of how long its answer holds. */
const [minIntervalMs, maxIntervalMs] = [1_000, 60_000]
/** Part of each delay that is random; delays only ever get shorter. */
const intervalJitter = 0.2
const retryJitter = 0.5
const [retryMinMs, retryMaxMs] = [1_000, 60_000]

/** One service of Nacos: asked again and again, as often as the server says, or sooner after a push. */
export class ServiceWatch implements RegistryService {
  readonly #options: ServiceWatchOptions

  constructor(options: ServiceWatchOptions) {
    this.#options = options
  }

  ask({ signal, background }: Question): Promise<NacosList> {
    return this.#list({ signal, background }, undefined)
  }

  /** Goes on until the subscription is closed. */
  async session(session: WatchSession): Promise<void> {
    const { name, pushes, clock, random } = this.#options
    const pause = new HintedPause(clock, random)
    await pushes?.open().catch((cause: unknown) => session.error(cause))
    const end = pushes?.listen(joinedName(name), () => pause.hint())
    try {
      for (let failures = 0; !session.signal.aborted; ) {
        const turn = await this.#turn(session)
        failures = 'failure' in turn ? failures + 1 : 0
        await pause.wait(this.#delayMs(turn, failures), session.signal)
      }
    } finally {
      end?.()
    }
  }

  async #turn(session: WatchSession): Promise<NacosList | { readonly failure: unknown }> {
    const { signal } = session
    try {
      const list = await this.#list({ signal, background: true }, this.#options.pushes?.address)
      session.next(list.instances, list.rejected)
      return list
    } catch (failure) {
      session.error(failure)
      return { failure }
    }
  }

  #delayMs(turn: NacosList | { readonly failure: unknown }, failures: number): number {
    const { pollIntervalMs, random } = this.#options
    if (!('failure' in turn)) {
      const { cacheMillis } = turn
      const intervalMs =
        cacheMillis === undefined ? pollIntervalMs : Math.max(minIntervalMs, Math.min(cacheMillis, maxIntervalMs))
      return jittered(intervalMs, intervalJitter, random)
    }
    const askedMs = retryAfterMsOf(turn.failure)
    if (askedMs !== undefined) return Math.min(askedMs, retryMaxMs) * (1 + retryJitter * random())
    return jittered(exponentialBackoffMs(failures, retryMinMs, retryMaxMs), retryJitter, random)
  }

  async #list(question: Question, push: PushReceiver['address']): Promise<NacosList> {
    const { client, name, namespace, clusters, weightOf } = this.#options
    const request = { ...listRequest(name, { namespace, clusters, push }), ...question }
    const given = await client.ask(request)
    try {
      return readInstanceList(given.version, given.answer.json(), name, weightOf)
    } catch (cause) {
      if (cause instanceof MalformedAnswer) throw client.error(given, request, `no list: ${cause.message}`)
      throw cause
    }
  }
}
