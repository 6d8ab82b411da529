import type { Clock } from '@lb/core'
import type { InstanceList, Question, RegistryService, WatchSession } from '@lb/core/authoring'
import type { EtcdClient } from './client.ts'
import type { ServiceList } from './instances.ts'
import type { KeyRange } from './key-range.ts'
import { RangeWatch } from './range-watch.ts'
import type { WatchLinks } from './watch-links.ts'

export interface ServiceWatchOptions {
  readonly range: KeyRange
  readonly list: ServiceList
  readonly client: EtcdClient
  readonly links: WatchLinks
  readonly clock: Clock
}

/** One service of etcd: its keys are listed once and then watched, over many sessions. */
export class ServiceWatch implements RegistryService {
  readonly #options: ServiceWatchOptions
  readonly #rangeWatch: RangeWatch
  #session: WatchSession | undefined

  constructor(options: ServiceWatchOptions) {
    this.#options = options
    this.#rangeWatch = new RangeWatch({
      ...options,
      onKeys: (keys) => this.#session?.changed(() => options.list.of(keys.entries.values())),
    })
  }

  async ask(question: Question): Promise<InstanceList> {
    const { client, range, list } = this.#options
    const { entries } = await client.range(range, question)
    return list.of(entries)
  }

  async session(session: WatchSession): Promise<void> {
    this.#session = session
    await this.#rangeWatch.run(session)
  }
}
