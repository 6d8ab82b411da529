import type { Random } from '@lb/core'
import type { InstanceList, Question, RegistryService, WatchSession } from '@lb/core/authoring'
import type { EndpointSliceClient } from './client.ts'
import type { EndpointSlice } from './endpoint-slice.ts'
import { VersionUnusableError } from './errors.ts'
import type { ServiceReference } from './service-name.ts'
import { SliceStore } from './slice-store.ts'
import { parseWatchEvent, type SliceList, type WatchEvent } from './watch-event.ts'

export interface ServiceWatchOptions {
  readonly client: EndpointSliceClient
  readonly service: ServiceReference
  /** @throws DiscoveryError when the slices make no list */
  readonly instancesOf: (slices: Iterable<EndpointSlice>) => InstanceList
  readonly watchTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly random: Random
}

/** How long after the end that it was asked for a server without bookmarks may be silent. */
const overdueMs = 30_000

/**
 * One Service, followed over many sessions with the API server: lists once, watches from there, and goes on where a session ended. It
 * lists again only when the server no longer knows the changes since then; meanwhile the list it has stays.
 */
export class ServiceWatch implements RegistryService {
  readonly #options: ServiceWatchOptions
  readonly #store = new SliceStore()
  #resumeAt = ''
  /** As of which version a list is needed; `undefined`: none is. The first may be what the server has at hand. */
  #listAsOf: string | undefined = '0'
  #sendsBookmarks = false
  /** The observer got a failure after the last list. */
  #failed = false

  constructor(options: ServiceWatchOptions) {
    this.#options = options
  }

  /** The newest list. */
  async ask({ signal, background }: Question): Promise<InstanceList> {
    const { client, service, instancesOf } = this.#options
    const { slices } = await client.list(service, { resourceVersion: '', signal, background })
    return instancesOf(slices)
  }

  /** Resolves when the server ended the watch in order. */
  async session(session: WatchSession): Promise<void> {
    const changed = (): void => session.changed(() => this.#options.instancesOf(this.#store.slices))
    try {
      await this.#follow(session.signal, changed)
    } catch (cause) {
      this.#failed = true
      this.#sendsBookmarks = false
      throw cause
    }
  }

  async #follow(signal: AbortSignal, changed: () => void): Promise<void> {
    if (this.#listAsOf !== undefined) await this.#list(this.#listAsOf, signal, changed)
    if (await this.#watch(signal, changed)) return
    this.#listAsOf = this.#resumeAt
    await this.#list(this.#listAsOf, signal, changed)
    if (await this.#watch(signal, changed)) return
    // Twice in a row: the list came from a server that is behind. The next session, which is a while away, asks for the newest.
    this.#listAsOf = ''
  }

  async #list(resourceVersion: string, signal: AbortSignal, changed: () => void): Promise<void> {
    const list = await this.#listOrNewest(resourceVersion, signal)
    this.#store.replace(list)
    this.#resumeAt = list.resourceVersion
    this.#listAsOf = undefined
    this.#failed = false
    changed()
  }

  async #listOrNewest(resourceVersion: string, signal: AbortSignal): Promise<SliceList> {
    const { client, service } = this.#options
    try {
      return await client.list(service, { resourceVersion, signal, background: true })
    } catch (cause) {
      if (resourceVersion === '' || !(cause instanceof VersionUnusableError)) throw cause
      return client.list(service, { resourceVersion: '', signal, background: true })
    }
  }

  /** Until the server ends the watch: true. False when it cannot go on from the last version. */
  async #watch(signal: AbortSignal, changed: () => void): Promise<boolean> {
    try {
      await this.#watchToEnd(signal, changed)
      return true
    } catch (cause) {
      if (cause instanceof VersionUnusableError) return false
      throw cause
    }
  }

  async #watchToEnd(signal: AbortSignal, changed: () => void): Promise<void> {
    const { client, service } = this.#options
    const stream = await client.watch(service, { resourceVersion: this.#resumeAt, signal, ...this.#limits() })
    if (this.#failed) {
      // What changed meanwhile follows; that the API server answers again has to be heard even when nothing did.
      this.#failed = false
      changed()
    }
    for await (const line of stream.lines()) {
      const event = parseWatchEvent(line)
      if (event.type === 'error') throw client.watchError(service, stream, event.status)
      if (this.#apply(event)) changed()
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
}
