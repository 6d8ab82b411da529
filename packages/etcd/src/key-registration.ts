import type { Clock, DiscoverySubscription, Random, ServiceInstance } from '@lb/core'
import { type RegistrationSteps, watchInSessions } from '@lb/core/authoring'
import { retryAfterMsOf } from '@lb/registry-http'
import type { EtcdCallOptions, EtcdClient } from './client.ts'
import type { Codec } from './codec.ts'
import { singleKey } from './key-range.ts'
import { RangeWatch } from './range-watch.ts'
import type { WatchLinks } from './watch-links.ts'
import type { WatchedKeys } from './watched-keys.ts'

export interface KeyRegistrationOptions {
  readonly client: EtcdClient
  readonly links: WatchLinks
  readonly clock: Clock
  readonly random?: Random | undefined
  readonly codec: Codec
  /** What the key begins with. */
  readonly path: string
  readonly instance: ServiceInstance
  readonly value: string
  readonly ttlSeconds: number
  /** The key is gone, though its lease may be there. */
  readonly onLost: () => void
  readonly onError: (cause: unknown) => void
}

/** An instance in etcd: a key under a lease that is kept alive, and a watch on the key. */
export class KeyRegistration implements RegistrationSteps {
  readonly #options: KeyRegistrationOptions
  #lease = ''
  #key = ''
  /** At which the key was written; `undefined` while that is under way. */
  #putRevision: bigint | undefined
  #watch: DiscoverySubscription | undefined
  #isRegistered = false

  constructor(options: KeyRegistrationOptions) {
    this.#options = options
  }

  /** A lease of its own each time: the one before is gone, or runs out when it is not kept alive. */
  async register(signal: AbortSignal): Promise<number> {
    const { client, codec, path, instance, value } = this.#options
    // The caller waits for the first one.
    const call = { signal, background: this.#isRegistered }
    this.#putRevision = undefined
    const { id, ttlSeconds } = await client.grant(this.#options.ttlSeconds, call)
    const key = `${path}${codec.nameOf?.(instance, id) ?? instance.id}`
    this.#putRevision = await this.#put(key, value, id, call)
    this.#lease = id
    this.#isRegistered = true
    if (!signal.aborted) this.#watchKey(key)
    return renewalMs(ttlSeconds)
  }

  async renew(signal: AbortSignal): Promise<number | 'lost'> {
    const seconds = await this.#options.client.keepAlive(this.#lease, { signal, background: true })
    return seconds === 0 ? 'lost' : renewalMs(seconds)
  }

  /** The key goes with its lease. */
  async deregister(): Promise<void> {
    this.#watch?.close()
    await this.#options.client.revoke(this.#lease, {})
  }

  async #put(key: string, value: string, lease: string, call: EtcdCallOptions): Promise<bigint> {
    const { client } = this.#options
    try {
      return await client.put(key, value, lease, call)
    } catch (cause) {
      // It may yet arrive, and would not be renewed: without its lease it comes to nothing.
      client.revoke(lease, { background: true }).catch(() => {})
      throw cause
    }
  }

  #watchKey(key: string): void {
    if (this.#watch !== undefined && this.#key === key) return
    this.#watch?.close()
    this.#key = key
    const { client, links, clock, random, onError } = this.#options
    const onKeys = (keys: WatchedKeys): void => this.#check(keys)
    const rangeWatch = new RangeWatch({ client, links, clock, range: singleKey(key), onKeys })
    const watch = watchInSessions((_name, session) => rangeWatch.run(session), {
      clock,
      ...(random && { random }),
      retryAfterMs: retryAfterMsOf,
    })
    this.#watch = watch(key, { next: () => {}, error: onError })
  }

  /** What is known from before the key was written says nothing. */
  #check(keys: WatchedKeys): void {
    if (this.#putRevision === undefined || keys.revision === undefined || keys.revision < this.#putRevision) return
    if (!keys.entries.has(this.#key)) this.#options.onLost()
  }
}

/** Two renewals may fail before the lease runs out. Source: etcd's own client, `client/v3/lease.go`. */
function renewalMs(ttlSeconds: number): number {
  return (ttlSeconds * 1_000) / 3
}
