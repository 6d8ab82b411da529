import type { Balancer } from '../balancer/balancer.ts'
import { typeTag } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { EventChannel } from '../observe/event-channel.ts'

/** Hash keys and weights that the balancer of a service does not heed: each is emitted once. */
export class UnheededHints {
  readonly #service: string
  readonly #events: EventChannel
  #hashKeyWasIgnored = false
  #weightsAreIgnored = false

  constructor(service: string, events: EventChannel) {
    this.#service = service
    this.#events = events
  }

  /** A request has a hash key. */
  lookAtHashKey(balancer: Balancer): void {
    const events = this.#events
    if (this.#hashKeyWasIgnored || balancer.heedsHashKey !== false || !events.active) return
    this.#hashKeyWasIgnored = true
    events.emit({ type: 'hash-key-ignored', service: this.#service, balancer: typeTag(balancer) })
  }

  /** There is another list; emitted again when weights differ anew. */
  lookAtWeights(balancer: Balancer, instances: readonly ServiceInstance[]): void {
    const events = this.#events
    const used = balancer.heedsWeights === false ? instances.filter(({ weight }) => weight > 0) : []
    const areIgnored = used.some(({ weight }) => weight !== used[0]?.weight)
    if (areIgnored && !this.#weightsAreIgnored && events.active) {
      events.emit({ type: 'weights-ignored', service: this.#service, balancer: typeTag(balancer) })
    }
    this.#weightsAreIgnored = areIgnored
  }
}
