import type { Clock } from '../base/clock.ts'
import { LoadBalancerClosedError } from '../base/errors.ts'
import { checkDurationMs } from '../base/option-checks.ts'
import type { DiscoveryUses } from '../discovery/discovery-uses.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import { Drain } from './drain.ts'
import type { Services } from './services.ts'

export interface ShutdownOptions {
  readonly clock: Clock
  readonly services: Services
  readonly events: EventChannel
  readonly uses: DiscoveryUses
  readonly closeDiscoveries: boolean
  /** What is closed after the services, before the event `closed`. */
  readonly alsoClosed: readonly { close(): void }[]
  /** The calls that are observed: the end of each is emitted before the event `closed`. */
  readonly calls: { close(errorOf: (service: string) => Error): void }
}

/** The end of a load balancer: no new calls, those under way may end, then all is closed. */
export class Shutdown {
  readonly #options: ShutdownOptions
  #ended: Promise<void> | undefined
  #drain: Drain | undefined

  constructor(options: ShutdownOptions) {
    this.#options = options
  }

  /** @throws LoadBalancerClosedError once the shutdown has begun */
  throwIfBegun(service: string): void {
    if (this.#ended !== undefined) throw closedError(service)
  }

  /**
   * Begins, and closes all after at most `drainMs` milliseconds. Later calls return the same promise, and may shorten that time.
   *
   * @throws InvalidOptionError, DiscoveryError by the promise
   */
  begin(drainMs: number): Promise<void> {
    try {
      checkDurationMs('close.drainMs', drainMs)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#drain?.limit(drainMs)
    if (this.#ended !== undefined) return this.#ended
    let begin: () => void = () => {}
    // Known before anything is closed: listeners of the last events may close again, or pick.
    this.#ended = new Promise((resolve) => {
      begin = () => resolve(this.#run(drainMs))
    })
    this.#options.services.inUse.clear()
    begin()
    return this.#ended
  }

  async #run(drainMs: number): Promise<void> {
    const { services, clock, events, uses, alsoClosed, calls, closeDiscoveries } = this.#options
    if (drainMs > 0) {
      this.#drain = new Drain(Array.from(services.byName.values()), clock)
      this.#drain.limit(drainMs)
      await this.#drain.ended
    }
    const open = Array.from(services.byName.values())
    services.byName.clear()
    for (const each of open) each.close(closedError(each.service))
    for (const each of alsoClosed) each.close()
    calls.close(closedError)
    events.end({ type: 'closed' })
    await uses.end(clock, { closes: closeDiscoveries })
  }
}

function closedError(service: string): LoadBalancerClosedError {
  return new LoadBalancerClosedError(`${service}: the load balancer was closed`, { service })
}
