import type { Balancer } from '../balancer/balancer.ts'
import type { CandidateGroup } from '../health/eligibility/eligibility.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { TrafficSplit } from './traffic-split.ts'

export interface SteeredSplitOptions {
  /** Makes a split. Throws what application code throws. */
  readonly newSplit: () => TrafficSplit
  /** Application code threw when the second split was made. */
  readonly onError: (error: unknown) => void
}

/** The candidates while overrides are in force. */
export interface SteeredCandidates {
  readonly groups: readonly CandidateGroup[]
  /** What they would be without overrides. */
  readonly ownGroups: () => readonly CandidateGroup[]
  /** Drained by an operator: what was learnt of them stays. */
  readonly resting: readonly ServiceInstance[]
  readonly shares: Readonly<Record<string, number>> | undefined
}

/**
 * The split that picks use. While overrides are in force, it is a second one, so that the sequences of the first stand still: that one
 * still gets every list, and continues where it stood when the last override is taken back.
 *
 * Balancers that learn from requests would know nothing in a second split. They have no sequence to keep, so they stay, and get the
 * candidates with their overrides.
 */
export class SteeredSplit {
  /** What picks use. */
  current: TrafficSplit
  readonly #own: TrafficSplit
  readonly #options: SteeredSplitOptions
  #isSteered = false

  constructor(options: SteeredSplitOptions) {
    this.#options = options
    this.#own = options.newSplit()
    this.current = this.#own
  }

  /** The balancer of the first group of the split that picks use. */
  get balancer(): Balancer {
    return this.current.first.balancer
  }

  /**
   * Takes the candidates while no override is in force. What a balancer throws is thrown once every balancer has its candidates; `steer`
   * does the same.
   */
  update(groups: readonly CandidateGroup[]): void {
    this.#isSteered = false
    this.current = this.#own
    this.#own.setShares(undefined)
    this.#own.update(groups)
  }

  /** Takes the candidates while an override is in force. */
  steer({ groups, ownGroups, resting, shares }: SteeredCandidates): void {
    if (!this.#isSteered) this.current = this.#second()
    this.#isSteered = true
    this.current.setShares(shares)
    try {
      if (this.current !== this.#own) this.#own.update(ownGroups())
    } finally {
      this.current.update(groups, resting)
    }
  }

  /** A new split for picks, or the own one: where balancers learn from requests, or where no other can be made. */
  #second(): TrafficSplit {
    const own = this.#own
    if (own.learns) return own
    try {
      const second = this.#options.newSplit()
      // An application may give the same balancer again.
      return second.first.balancer === own.first.balancer ? own : second
    } catch (error) {
      this.#options.onError(error)
      return own
    }
  }
}
