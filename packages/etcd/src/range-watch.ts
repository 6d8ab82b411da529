import type { Clock } from '@lb/core'
import type { WatchSession } from '@lb/core/authoring'
import type { EtcdClient } from './client.ts'
import { HistoryLostError } from './errors.ts'
import type { KeyRange } from './key-range.ts'
import type { WatchLinks } from './watch-links.ts'
import { WatchedKeys } from './watched-keys.ts'

export interface RangeWatchOptions {
  readonly client: EtcdClient
  readonly links: WatchLinks
  readonly clock: Clock
  readonly range: KeyRange
  /** The keys are known, changed, or confirmed after a failure. */
  readonly onKeys: (keys: WatchedKeys) => void
}

/** A history that is lost again within this many milliseconds is a failure: lists of everything must not follow each other without a pause. */
const relistPauseMs = 5_000

/** The keys of one range: listed, then watched, and listed again only when changes may have been missed. */
export class RangeWatch {
  readonly #options: RangeWatchOptions
  readonly #keys = new WatchedKeys()
  #lostAtMs = Number.NEGATIVE_INFINITY

  constructor(options: RangeWatchOptions) {
    this.#options = options
  }

  /** One session. What an earlier one learnt is gone on with. */
  async run(session: Pick<WatchSession, 'signal' | 'error'>): Promise<void> {
    while (!session.signal.aborted) {
      try {
        await this.#listAndWatch(session)
      } catch (cause) {
        if (!(cause instanceof HistoryLostError)) throw cause
        this.#keys.forget()
        const { clock } = this.#options
        const sinceMs = clock.now() - this.#lostAtMs
        this.#lostAtMs = clock.now()
        if (sinceMs < relistPauseMs) throw cause
      }
    }
  }

  async #listAndWatch({ signal, error }: Pick<WatchSession, 'signal' | 'error'>): Promise<void> {
    const { client, links, range, onKeys } = this.#options
    const keys = this.#keys
    let isConfirmed = keys.revision === undefined
    if (isConfirmed) {
      keys.replace(await client.range(range, { signal, background: true }))
      onKeys(keys)
    }
    const onWatching = (): void => {
      if (!isConfirmed) onKeys(keys)
      isConfirmed = true
    }
    const onFailure = (cause: unknown): void => {
      isConfirmed = false
      error(cause)
    }
    await links.watch({ range, keys, onWatching, onChange: () => onKeys(keys), onFailure }, signal)
  }
}
