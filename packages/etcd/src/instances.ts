import { InvalidInstanceError, parseInstance, type ServiceInstance, type ServiceInstanceInit } from '@lb/core'
import type { Codec } from './codec.ts'
import { inOneLine } from './errors.ts'
import type { KeyValue } from './messages.ts'

/** The instances of a service out of its keys. Each value is read once, however often the list is made. */
export class ServiceList {
  readonly #service: string
  readonly #path: string
  readonly #codec: Codec
  readonly #decoded = new WeakMap<KeyValue, ServiceInstanceInit | undefined>()

  /** `path` is what every key begins with. */
  constructor(service: string, path: string, codec: Codec) {
    this.#service = service
    this.#path = path
    this.#codec = codec
  }

  /**
   * Two keys may describe one instance, as they do while it is registered again under another lease: the one written later counts.
   * A value that cannot be read is in the list as something that says so when it is looked at, since a list that leaves it out
   * without a word could be an empty one.
   */
  of(entries: Iterable<KeyValue>): ServiceInstanceInit[] {
    const newest = new Map<unknown, { readonly init: ServiceInstanceInit; readonly modRevision: bigint }>()
    for (const entry of entries) {
      const init = this.#instanceOf(entry)
      if (init === undefined) continue
      const identity = init instanceof UnreadableInstance ? init : (init as ServiceInstance).id
      const { modRevision } = entry
      if ((newest.get(identity)?.modRevision ?? -1n) < modRevision) newest.set(identity, { init, modRevision })
    }
    return Array.from(newest.values(), ({ init }) => init)
  }

  #instanceOf(entry: KeyValue): ServiceInstanceInit | undefined {
    if (this.#decoded.has(entry)) return this.#decoded.get(entry)
    const init = this.#decode(entry)
    this.#decoded.set(entry, init)
    return init
  }

  #decode({ key, value }: KeyValue): ServiceInstanceInit | undefined {
    if (key === this.#path) return undefined
    try {
      if (!key.startsWith(this.#path)) throw new Error('the key is none of this service')
      const init = this.#codec.decode({ service: this.#service, name: key.slice(this.#path.length), value })
      return init === undefined ? undefined : parseInstance(init)
    } catch (cause) {
      return new UnreadableInstance(key, cause)
    }
  }
}

/** Stands in a list for a value that is no instance. Whoever reads it gets the reason; core leaves it out with an event. */
class UnreadableInstance {
  readonly #key: string
  readonly #cause: unknown
  readonly port = 0

  constructor(key: string, cause: unknown) {
    this.#key = key
    this.#cause = cause
  }

  get host(): string {
    const reason = this.#cause instanceof Error ? this.#cause.message : String(this.#cause)
    const field = this.#cause instanceof InvalidInstanceError ? this.#cause.field : 'value'
    throw new InvalidInstanceError(field, `the value of ${inOneLine(this.#key)} cannot be read: ${inOneLine(reason)}`)
  }
}
