import type { CancelTimer, Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { DiscoveryObserver, DiscoverySubscription, ServiceDiscovery } from '../discovery/discovery.ts'
import { poll } from '../discovery/poll.ts'

export interface EmptyAnswerOptions {
  readonly service: string
  readonly discovery: ServiceDiscovery
  /** How long an empty answer is held back; `undefined`: until another answer confirms it. */
  readonly emptyGraceMs: number | undefined
  readonly clock: Clock
  readonly random: Random
  /** Gets the answers that are asked for to confirm. */
  readonly observer: DiscoveryObserver
  /** The grace is over, and no other answer came. */
  readonly onGraceEnded: () => void
}

/** An empty answer is not confirmed by one that was asked for sooner. */
const confirmDelayMs = 1_000

/**
 * Holds an empty answer back while instances are known: registries lose their memory, and a list that is empty by
 * mistake would stop a service that works.
 */
export class EmptyAnswer {
  readonly #optionsNow: () => EmptyAnswerOptions
  #held = false
  #heldAtMs = 0
  #cancelGrace: CancelTimer | undefined
  #confirmation: DiscoverySubscription | undefined

  /** `options`: asked for when an empty answer comes, which is seldom. */
  constructor(options: () => EmptyAnswerOptions) {
    this.#optionsNow = options
  }

  get held(): boolean {
    return this.#held
  }

  /** Whether an empty answer that comes now is to be believed; `asked`: it comes out of turn. */
  isConfirmed(asked: boolean): boolean {
    const { emptyGraceMs, clock } = this.#optionsNow()
    if (emptyGraceMs !== undefined) return emptyGraceMs === 0
    return this.#held && !(asked && clock.now() - this.#heldAtMs < confirmDelayMs)
  }

  hold(): void {
    const { service, discovery, emptyGraceMs, clock, random, observer, onGraceEnded } = this.#optionsNow()
    this.#held = true
    this.#heldAtMs = clock.now()
    if (emptyGraceMs !== undefined) {
      this.#cancelGrace = clock.setTimeout(onGraceEnded, emptyGraceMs, { background: true })
    } else if (typeof discovery.watch === 'function') {
      // A discovery that pushes says nothing again until something changes, so it is asked.
      const options = { initialDelayMs: confirmDelayMs, clock, random }
      const ask = poll((name, { signal }) => discovery.getInstances(name, { signal }), options)
      this.#confirmation = ask(service, observer)
    }
  }

  release(): void {
    this.#held = false
    this.#cancelGrace?.()
    this.#cancelGrace = undefined
    this.#confirmation?.close()
    this.#confirmation = undefined
  }
}
