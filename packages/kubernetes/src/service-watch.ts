import type { Clock, Random, ServiceInstanceInit } from '@lb/core'
import type { WatchSession } from '@lb/core/authoring'
import type { EndpointSliceClient } from './client.ts'
import type { EndpointSlice } from './endpoint-slice.ts'
import { VersionUnusableError } from './errors.ts'
import type { ServiceReference } from './service-name.ts'
import { SliceStore } from './slice-store.ts'
import { SpacedCalls } from './spaced-calls.ts'
import { parseWatchEvent, type SliceList, type WatchEvent } from './watch-event.ts'

export interface ServiceWatchOptions {
  readonly api: EndpointSliceClient
  readonly service: ServiceReference
  /** @throws DiscoveryError when the slices make no list */
  readonly instancesOf: (slices: Iterable<EndpointSlice>) => readonly ServiceInstanceInit[]
  readonly watchTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly clock: Clock
  readonly random: Random
}

/** A rollout changes slices many times in a second; each list costs work in the size of the Service. */
const tellEveryMs = 100
/** How long after the end it was told a server without bookmarks may be silent. */
const overdueMs = 30_000

/**
 * One Service, followed over many sessions with the API server: lists once, watches from there, and goes on where a session ended. It
 * lists again only when the server no longer knows the changes since then; meanwhile the list it has stays.
 */
export class ServiceWatch {
  readonly #options: ServiceWatchOptions
  readonly #store = new SliceStore()
  #resumeAt = ''
  /** As of which version a list is needed; `undefined`: none is. The first may be what the server has at hand. */
  #listAsOf: string | undefined = '0'
  #sendsBookmarks = false
  /** The observer heard of a failure after the last list. */
  #failed = false

  constructor(options: ServiceWatchOptions) {
    this.#options = options
  }

  /** One session. Resolves when the server ended the watch in order. */
  async run(session: WatchSession): Promise<void> {
    const tell = new SpacedCalls(() => this.#tell(session), tellEveryMs, this.#options.clock)
    try {
      await this.#follow(session.signal, tell)
    } catch (cause) {
      this.#failed = true
      this.#sendsBookmarks = false
      throw cause
    } finally {
      tell.end()
    }
  }

  async #follow(signal: AbortSignal, tell: SpacedCalls): Promise<void> {
    if (this.#listAsOf !== undefined) await this.#list(this.#listAsOf, signal, tell)
    if (await this.#watch(signal, tell)) return
    this.#listAsOf = this.#resumeAt
    await this.#list(this.#listAsOf, signal, tell)
    if (await this.#watch(signal, tell)) return
    // Twice in a row: the list came from a server that is behind. The next session, which is a while away, asks for the newest.
    this.#listAsOf = ''
  }

  async #list(resourceVersion: string, signal: AbortSignal, tell: SpacedCalls): Promise<void> {
    const list = await this.#listOrNewest(resourceVersion, signal)
    this.#store.replace(list)
    this.#resumeAt = list.resourceVersion
    this.#listAsOf = undefined
    this.#failed = false
    tell.request()
  }

  async #listOrNewest(resourceVersion: string, signal: AbortSignal): Promise<SliceList> {
    const { api, service } = this.#options
    try {
      return await api.list(service, { resourceVersion, signal, background: true })
    } catch (cause) {
      if (resourceVersion === '' || !(cause instanceof VersionUnusableError)) throw cause
      return api.list(service, { resourceVersion: '', signal, background: true })
    }
  }

  /** Until the server ends the watch: true. False when it cannot go on from the last version. */
  async #watch(signal: AbortSignal, tell: SpacedCalls): Promise<boolean> {
    try {
      await this.#watchToEnd(signal, tell)
      return true
    } catch (cause) {
      if (cause instanceof VersionUnusableError) return false
      throw cause
    }
  }

  async #watchToEnd(signal: AbortSignal, tell: SpacedCalls): Promise<void> {
    const { api, service } = this.#options
    const stream = await api.watch(service, { resourceVersion: this.#resumeAt, signal, ...this.#limits() })
    if (this.#failed) {
      // What changed meanwhile follows; that the API server answers again has to be heard even when nothing did.
      this.#failed = false
      tell.request()
    }
    for await (const line of stream.lines()) {
      const event = parseWatchEvent(line)
      if (event.type === 'error') throw api.watchError(service, stream, event.status)
      if (this.#apply(event)) tell.request()
      this.#resumeAt = event.resourceVersion
    }
  }

  /** Gives whether that changes the list. */
  #apply(event: Exclude<WatchEvent, { type: 'error' }>): boolean {
    switch (event.type) {
      case 'changed':
        return this.#store.set(event.slice)
      case 'deleted':
        return this.#store.delete(event.name)
      case 'bookmark':
        this.#sendsBookmarks = true
        return false
    }
  }

  #limits(): { readonly timeoutSeconds: number; readonly idleTimeoutMs: number } {
    const { watchTimeoutMs, idleTimeoutMs, random } = this.#options
    const timeoutSeconds = Math.ceil((watchTimeoutMs * (1 + random())) / 2_000)
    const overdueAfterMs = timeoutSeconds * 1_000 + Math.min(overdueMs, idleTimeoutMs)
    return {
      timeoutSeconds,
      idleTimeoutMs: this.#sendsBookmarks ? Math.min(idleTimeoutMs, overdueAfterMs) : overdueAfterMs,
    }
  }

  #tell(session: WatchSession): void {
    let instances: readonly ServiceInstanceInit[]
    try {
      instances = this.#options.instancesOf(this.#store.slices)
    } catch (cause) {
      // The watch is good: the next change of the slices may mend it.
      session.error(cause)
      return
    }
    session.next(instances)
  }
}
