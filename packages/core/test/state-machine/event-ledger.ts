import type { LoadBalancerEvent, ServiceInstance, ServiceSnapshot } from '../../src/index.ts'
import type { BalancerWatch } from './watched-balancer.ts'

export interface EventLedgerOptions {
  /** Whether no event says which instances are used: those of a subset. */
  readonly isPartial: boolean
  readonly watch: BalancerWatch
  readonly inspect: () => ServiceSnapshot
  readonly violated: (what: string) => void
}

/** What the events say, for comparison with what is there. */
export class EventLedger {
  readonly #options: EventLedgerOptions
  readonly #listed = new Map<string, string>()
  /** Ids that events say are ejected or half-open. */
  readonly #out = new Set<string>()
  /** Ids that were kept or moved: no event says when they are known anew. */
  readonly #unsure = new Set<string>()
  /** A balancer did not take its list: which instances are used, events say later. */
  #isBehind = false
  #finished = 0
  #panic: string | undefined
  #total = 0
  #closed = false

  constructor(options: EventLedgerOptions) {
    this.#options = options
  }

  heard(event: LoadBalancerEvent): void {
    const { watch, violated } = this.#options
    if (this.#closed) violated(`${event.type} after closed`)
    switch (event.type) {
      case 'instances-changed':
        for (const { id } of event.removed) this.#gone(id)
        for (const { id, host } of event.added) this.#listed.set(id, host)
        for (const { id, host } of event.updated) {
          if (this.#listed.get(id) !== host) this.#unsure.add(id)
          this.#listed.set(id, host)
        }
        this.#total = event.total
        if (this.#listed.size !== event.total)
          violated(`${event.total} instances, and ${this.#listed.size} by the events`)
        break
      case 'instance-kept':
        this.#unsure.add(event.instance.id)
        break
      case 'instance-ejected':
        if (event.enforced) this.#out.add(event.instance.id)
        if (this.#options.isPartial) this.#unsure.add(event.instance.id)
        watch.judged(event.instance.id)
        break
      case 'instance-half-open':
        if (this.#isNotOut(event.instance)) violated(`${event.instance.id} is half-open, and was not ejected`)
        watch.judged(event.instance.id)
        break
      case 'instance-returned':
        if (this.#isNotOut(event.instance)) violated(`${event.instance.id} returned, and was not out`)
        this.#out.delete(event.instance.id)
        watch.judged(event.instance.id)
        break
      case 'callback-failed':
        if (event.callback === 'balancer.update') this.#isBehind = true
        break
      case 'panic-changed':
        if (event.reason === this.#panic) violated(`panic changed to what it was: ${event.reason}`)
        this.#panic = event.reason
        break
      case 'request-finished':
        this.#finished++
        break
      case 'closed':
        this.#closed = true
        break
    }
  }

  /** After a step: the events and the snapshot say the same. */
  check(maxEjectionPercent: number): void {
    const { inspect, violated, watch } = this.#options
    if (this.#closed) return
    const { instances, panic, status } = inspect()
    if (panic !== this.#panic) violated(`panic is ${panic}, by the events ${this.#panic}`)
    if (watch.finished > 0 && watch.finished !== this.#finished)
      violated(`${watch.finished} requests finished, ${this.#finished} by the events`)
    const known = instances.filter(({ state }) => state !== 'draining')
    const out = known.filter(({ state }) => state === 'ejected' || state === 'half-open')
    for (const { instance, state } of out) {
      if (this.#listed.has(instance.id) && this.#isNotOut(instance))
        violated(`${instance.id} is ${state} without an event`)
    }
    for (const { instance, state } of known) {
      if (state === 'available' && this.#out.has(instance.id) && !this.#isUnsure(instance.id))
        violated(`${instance.id} is back without an event`)
    }
    const cap = maxEjectionPercent === 0 ? 0 : Math.max(1, Math.floor((maxEjectionPercent * known.length) / 100))
    if (out.length > cap || (out.length > 0 && out.length === known.length))
      violated(`${out.length} of ${known.length} are out`)
    if (status === 'fresh' && this.#total > known.length && this.#total === 0) violated('instances are missing')
  }

  #isNotOut({ id }: ServiceInstance): boolean {
    return !this.#out.has(id) && !this.#isUnsure(id)
  }

  #isUnsure(id: string): boolean {
    return this.#isBehind || this.#unsure.has(id)
  }

  #gone(id: string): void {
    this.#listed.delete(id)
    this.#out.delete(id)
  }
}
