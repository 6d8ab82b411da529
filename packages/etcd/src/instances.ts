import { InvalidInstanceError, parseInstance, type ServiceInstance } from '@lb/core'
import { type InstanceList, readInstances } from '@lb/core/authoring'
import type { Codec } from './codec.ts'
import type { KeyValue } from './messages.ts'

/** What a value was found to be: an instance, none of this service, or why it cannot be read. */
type Decoded = { readonly instance: ServiceInstance | undefined } | { readonly failure: unknown }

/** The instances of a service out of its keys. Each value is read once, however often the list is made. */
export class ServiceList {
  readonly #service: string
  readonly #path: string
  readonly #codec: Codec
  readonly #decoded = new WeakMap<KeyValue, Decoded>()

  /** `path` is what every key begins with. */
  constructor(service: string, path: string, codec: Codec) {
    this.#service = service
    this.#path = path
    this.#codec = codec
  }

  /**
   * Two keys may describe one instance, as they do while it is registered again under another lease: the one written later counts.
   * A value that cannot be read is rejected by its key.
   */
  of(entries: Iterable<KeyValue>): InstanceList {
    const newest = new Map<unknown, KeyValue>()
    for (const entry of entries) {
      const decoded = this.#decodedOf(entry)
      const identity = 'failure' in decoded ? entry : decoded.instance?.id
      if ((newest.get(identity)?.modRevision ?? -1n) < entry.modRevision) newest.set(identity, entry)
    }
    return readInstances(
      newest.values(),
      (entry) => {
        const decoded = this.#decodedOf(entry)
        if ('failure' in decoded) throw decoded.failure
        return decoded.instance
      },
      ({ key }) => `the value of ${key} cannot be read`,
    )
  }

  #decodedOf(entry: KeyValue): Decoded {
    const known = this.#decoded.get(entry)
    if (known !== undefined) return known
    const decoded = this.#decode(entry)
    this.#decoded.set(entry, decoded)
    return decoded
  }

  #decode({ key, value }: KeyValue): Decoded {
    if (key === this.#path) return { instance: undefined }
    try {
      if (!key.startsWith(this.#path)) throw new InvalidInstanceError('key', 'the key is none of this service')
      const init = this.#codec.decode({ service: this.#service, name: key.slice(this.#path.length), value })
      return { instance: init === undefined ? undefined : parseInstance(init) }
    } catch (failure) {
      return { failure }
    }
  }
}
