import type { Clock, LoadBalancer, ServiceSnapshot } from '@lb/core'
import { ApiError } from '../http/api-error.ts'

/** How long a snapshot is served, in milliseconds: however many clients ask, there is one in this time. */
const freshMs = 250

/** What `inspect()` says, for all who ask within a moment. */
export class Snapshots {
  readonly #lb: LoadBalancer
  readonly #clock: Clock
  #byName: ReadonlyMap<string, ServiceSnapshot> = new Map()
  #takenMs = Number.NEGATIVE_INFINITY

  constructor(lb: LoadBalancer, clock: Clock) {
    this.#lb = lb
    this.#clock = clock
  }

  /** Every service, by name. */
  all(): ReadonlyMap<string, ServiceSnapshot> {
    const nowMs = this.#clock.now()
    if (!(nowMs - this.#takenMs < freshMs)) {
      const snapshots = this.#lb.inspect().toSorted((one, other) => (one.service < other.service ? -1 : 1))
      this.#byName = new Map(snapshots.map((each) => [each.service, each]))
      this.#takenMs = nowMs
    }
    return this.#byName
  }

  /**
   * One service. A name that is not known is never asked of the load balancer.
   *
   * @throws ApiError
   */
  service(name: string): ServiceSnapshot {
    const known = this.all()
    const found = known.get(name)
    if (found !== undefined) return found
    throw new ApiError(
      'LB_UNKNOWN_SERVICE',
      `No service of this name is known: ${JSON.stringify(name.slice(0, 100))}`,
      {
        known: Array.from(known.keys()),
      },
    )
  }

  /** After a change: the next look is a new one. */
  expire(): void {
    this.#takenMs = Number.NEGATIVE_INFINITY
  }
}
