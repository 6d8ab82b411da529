import { rejectOption } from '../base/option-checks.ts'
import { type Option, type OptionTable, optionChecker } from '../base/option-table.ts'

/** What was set at run time for one instance, or for the groups of a service. Plain data, safe to send as JSON. */
export interface Override {
  /**
   * - `drained`: the instance gets no new requests
   * - `weight`: the instance has another weight than the registry says
   * - `shares`: the groups of the service have other shares than the balancer was created with
   */
  readonly kind: 'drained' | 'weight' | 'shares'
  /** The id of the instance; absent for `shares`. */
  readonly instanceId?: string | undefined
  /** The weight, for `weight` only. */
  readonly weight?: number | undefined
  /** The share of each group, for `shares` only. */
  readonly shares?: Readonly<Record<string, number>> | undefined
  /** Who set it; absent if `control` was called without `by`. */
  readonly by?: string | undefined
  /** Milliseconds since it was set. */
  readonly forMs: number
}

/** Options of `LoadBalancer.control`. */
export interface ControlOptions {
  /**
   * Who acts, such as a user name: 1 to 256 characters without control characters. It is shown in events and by
   * `inspect()`.
   * @default undefined: not known
   */
  readonly by?: string | undefined
}

/**
 * Controls one service at run time: who gets traffic, and how much. What is set is an override. It goes by the id of the instance, is
 * in force before the next pick, and stays until it is taken back: through new lists, ejections and changes of health.
 *
 * Every method throws LoadBalancerClosedError after `close()`, and UnknownServiceError if the service was released.
 */
export interface ServiceControl {
  /**
   * The instance gets no new requests, not even in panic; those in flight finish. If all instances are drained, picks fail with a
   * NoAvailableInstanceError.
   *
   * @throws UnknownInstanceError; InvalidOptionError
   */
  drain(instanceId: string): void
  /**
   * Takes back `drain` and `setWeight`. Picks continue as if they had never been set. Without an override, nothing happens.
   *
   * @throws UnknownInstanceError; InvalidOptionError
   */
  restore(instanceId: string): void
  /**
   * Sets the weight of the instance, in the unit of the registry's weights, finite and ≥ 0. With 0, it gets no new requests. A drained
   * instance stays drained.
   *
   * @throws UnknownInstanceError; InvalidOptionError, also if the balancer ignores weights
   */
  setWeight(instanceId: string, weight: number): void
  /**
   * Sets the share of each group of a `GroupedBalancer`, such as `{ stable: 80, canary: 20 }`, as its option `shares` does: a group
   * without a share gets 0. Each share is exact from the first pick. `undefined`: the balancer's own shares.
   *
   * @throws InvalidOptionError, also if a group is unknown or the balancer has no groups
   */
  setShares(shares: Readonly<Record<string, number>> | undefined): void
  /**
   * Returns an ejected instance to use at once. The number of its recent ejections stays, so that the next one is longer. If the
   * instance is not ejected, nothing happens.
   *
   * @throws UnknownInstanceError; InvalidOptionError
   */
  endEjection(instanceId: string): void
  /** The overrides in force, in the order in which they were set. Empty after `close()`. */
  readonly overrides: readonly Override[]
}

const byOption: Option<string> = {
  legal: '1 to 256 characters without control characters',
  check: (path, given) => {
    if (given === undefined || (typeof given === 'string' && /^[^\p{Cc}]{1,256}$/u.test(given))) return
    rejectOption(path, 'a string of 1 to 256 characters without control characters', given)
  },
}

const controlTable: OptionTable<ControlOptions, 'by'> = { by: byOption }

/** @throws InvalidOptionError */
export const checkControlOptions: (options: unknown) => void = optionChecker('control', controlTable)
