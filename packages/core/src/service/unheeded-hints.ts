import type { Balancer, PickRequest } from '../balancer/balancer.ts'
import { typeTag } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { EventChannel } from '../observe/event-channel.ts'

/** Hash keys, matches and weights that a service does not heed: each is emitted once. */
export class UnheededHints {
  readonly #service: string
  readonly #events: EventChannel
  readonly #keys: readonly string[]
  #hashKeyWasIgnored = false
  #matchWasIgnored = false
  #weightsAreIgnored = false

  /** `keys`: those of a match that count. */
  constructor(service: string, events: EventChannel, keys: readonly string[] = []) {
    this.#service = service
    this.#keys = keys
    this.#events = events
  }

  /** Hot: of each request that says anything. */
  lookAt({ hashKey, match }: PickRequest, balancers: { readonly balancer: Balancer }): void {
    if (hashKey !== undefined) this.#lookAtHashKey(balancers.balancer)
    if (match !== undefined) this.#lookAtMatch(match)
  }

  #lookAtHashKey(balancer: Balancer): void {
    const events = this.#events
    if (this.#hashKeyWasIgnored || balancer.heedsHashKey !== false || !events.active) return
    this.#hashKeyWasIgnored = true
    events.emit({ type: 'hash-key-ignored', service: this.#service, balancer: typeTag(balancer) })
  }

  #lookAtMatch(match: MetadataMatch): void {
    const events = this.#events
    if (this.#matchWasIgnored || !events.active || this.#keys.some((key) => Object.hasOwn(match, key))) return
    if (Object.values(match).every((value) => (value ?? undefined) === undefined)) return
    this.#matchWasIgnored = true
    events.emit({ type: 'match-ignored', service: this.#service })
  }

  /** There is another list; emitted again when weights differ anew. */
  lookAtWeights(balancer: Balancer, instances: readonly ServiceInstance[]): void {
    const events = this.#events
    const areIgnored = balancer.heedsWeights === false && weightsDiffer(instances)
    if (areIgnored && !this.#weightsAreIgnored && events.active) {
      events.emit({ type: 'weights-ignored', service: this.#service, balancer: typeTag(balancer) })
    }
    this.#weightsAreIgnored = areIgnored
  }
}

/** Whether they differ other than by 0, which any balancer heeds. */
function weightsDiffer(instances: readonly ServiceInstance[]): boolean {
  let first = 0
  for (const { weight } of instances) {
    if (first === 0) first = weight
    else if (weight !== first && weight > 0) return true
  }
  return false
}
