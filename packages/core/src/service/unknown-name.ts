import type { CancelTimer, Clock } from '../base/clock.ts'
import type { InstanceCache } from '../cache/instance-cache.ts'
import type { UrlAuthority } from '../instance/service-host.ts'
import type { EventChannel } from '../observe/event-channel.ts'

/** Whether the discovery knows a service by its name: one that was scaled to zero is not unknown. */
export class UnknownName {
  readonly #service: string
  readonly #events: EventChannel
  readonly #onUnknown: (() => void) | undefined
  #isKnown = false
  #bypassEmitted = false
  #cancelTimer: CancelTimer | undefined

  /** `onUnknown`: the discovery says that there is no instance, or gave no list in time. */
  constructor(service: string, events: EventChannel, onUnknown: (() => void) | undefined) {
    this.#service = service
    this.#events = events
    this.#onUnknown = onUnknown
  }

  /** The discovery is asked from now on. */
  start(clock: Clock, firstListTimeoutMs: number): void {
    const onUnknown = this.#onUnknown
    if (onUnknown === undefined) return
    this.#cancelTimer = clock.setTimeout(onUnknown, firstListTimeoutMs, { background: true })
  }

  /** The discovery gave a list. */
  listed(cache: InstanceCache, count: number): void {
    const onUnknown = this.#onUnknown
    this.close()
    if (count > 0) this.#isKnown = true
    if (this.#isKnown || onUnknown === undefined) return
    // Later, so that the calls that wait for this list see it first.
    void Promise.resolve().then(() => {
      if (cache.state.kind === 'fresh' && cache.instances.length === 0) onUnknown()
    })
  }

  /** Whether it ever had an instance. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** A URL has the name as its host, but a port that makes it a server's. */
  bypassed({ host, port }: UrlAuthority): void {
    if (this.#bypassEmitted || !this.#isKnown) return
    this.#bypassEmitted = true
    this.#events.emit({ type: 'service-bypassed', service: this.#service, authority: `${host}:${port}` })
  }

  close(): void {
    this.#cancelTimer?.()
  }
}
