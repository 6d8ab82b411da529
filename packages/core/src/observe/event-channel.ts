import { onLateRejection } from '../base/late-rejection.ts'
import { emittedEvent } from './emitted-event.ts'
import type { ApplicationCallback, EventFields, LoadBalancerEvent, LoadBalancerListener } from './events.ts'

/** One listener, and what it listens to. */
interface Subscription {
  readonly listener: LoadBalancerListener
  /** `undefined`: every event. */
  readonly types: ReadonlySet<LoadBalancerEvent['type']> | undefined
}

function wants({ types }: Subscription, type: LoadBalancerEvent['type']): boolean {
  return types === undefined || types.has(type)
}

/** The types of events that always belong to a call. A record, so that the compiler misses none. */
const typesOfCalls: Readonly<Record<Extract<EventFields, { readonly call: number }>['type'], true>> = {
  'call-finished': true,
  'call-refused': true,
  hedge: true,
  'request-finished': true,
  retry: true,
  'retry-budget-exhausted': true,
}

function wantsCalls({ types }: Subscription): boolean {
  return types === undefined || Array.from(types).some((type) => Object.hasOwn(typesOfCalls, type))
}

/**
 * The listeners of one load balancer. Emitters check `active` first, so that unused events cost nothing.
 *
 * A listener finds the state that its event describes: events that are emitted during a change, or while another event
 * is delivered, arrive afterwards, in order.
 */
export class EventChannel {
  /** Whether an event would reach a listener. Changed here alone. */
  active = false
  /** Whether `request-finished`, the one event that belongs to every request, would reach a listener. Changed here alone. */
  wantsRequests = false
  /** Whether an event that belongs to a call would reach a listener. Changed here alone. */
  wantsCalls = false
  #subscriptions: readonly Subscription[] = []
  /** Emitted and not delivered yet. */
  #waiting: LoadBalancerEvent[] = []
  #holds = 0
  #delivering = false
  #ending = false

  /** A listener that comes after the end gets `closed` at once: it may wait for it. */
  subscribe(listener: LoadBalancerListener, types?: readonly LoadBalancerEvent['type'][]): () => void {
    const subscription: Subscription = { listener, types: types && new Set(types) }
    if (this.#ending) {
      if (wants(subscription, 'closed')) this.#deliverTo(subscription, emittedEvent({ type: 'closed' }))
      return () => {}
    }
    this.#setSubscriptions([...this.#subscriptions, subscription])
    return () => this.#setSubscriptions(this.#subscriptions.filter((other) => other !== subscription))
  }

  /** A listener that throws does not affect the other listeners or the caller. */
  emit(event: EventFields): void {
    if (!this.active) return
    this.#waiting.push(emittedEvent(event))
    this.#deliver()
  }

  /** Emits that application code threw `error`. */
  callbackFailed(service: string | undefined, callback: ApplicationCallback, error: unknown, call?: number): void {
    if (!this.active) return
    const of = { ...(service === undefined ? undefined : { service }), ...(call === undefined ? undefined : { call }) }
    this.emit({ type: 'callback-failed', ...of, callback, error })
  }

  /** The state is about to change: events wait until `release`, which has to be called once for each `hold`. */
  hold(): void {
    this.#holds++
  }

  release(): void {
    this.#holds--
    if (this.#waiting.length > 0) this.#deliver()
  }

  /** Runs `step`, which changes the state: what it emits comes when it is done. */
  together<T>(step: () => T): T {
    this.hold()
    try {
      return step()
    } finally {
      this.release()
    }
  }

  /** Ends the channel with `last`: no event comes after it, whatever its listeners do. Events that were emitted before still reach them. */
  end(last: EventFields): void {
    if (this.active) this.#waiting.push(emittedEvent(last))
    this.#ending = true
    this.#setSubscriptions(this.#subscriptions)
    this.#deliver()
  }

  #setSubscriptions(subscriptions: readonly Subscription[]): void {
    this.#subscriptions = subscriptions
    this.active = subscriptions.length > 0 && !this.#ending
    this.wantsRequests = this.active && subscriptions.some((each) => wants(each, 'request-finished'))
    this.wantsCalls = this.active && subscriptions.some(wantsCalls)
  }

  #deliver(): void {
    if (this.#delivering || this.#holds > 0) return
    this.#delivering = true
    try {
      // Listeners emit more.
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#deliverOne(next)
    } finally {
      this.#delivering = false
    }
    if (this.#ending) this.#subscriptions = []
  }

  #deliverOne(event: LoadBalancerEvent): void {
    for (const subscription of this.#subscriptions) {
      // An earlier listener may have unsubscribed it.
      if (!wants(subscription, event.type) || !this.#subscriptions.includes(subscription)) continue
      this.#deliverTo(subscription, event)
    }
  }

  #deliverTo(subscription: Subscription, event: LoadBalancerEvent): void {
    try {
      const result: unknown = subscription.listener(event)
      if (result !== undefined) onLateRejection(result, (error) => this.#failed(subscription, error))
    } catch (error) {
      this.#failed(subscription, error)
    }
  }

  /** The listener of `failed` threw: the other ones receive an event about that. */
  #failed(failed: Subscription, error: unknown): void {
    for (const subscription of this.#subscriptions) {
      if (subscription === failed || !wants(subscription, 'listener-failed')) continue
      try {
        const result: unknown = subscription.listener(emittedEvent({ type: 'listener-failed', error }))
        // No listener is left for this error.
        onLateRejection(result, () => {})
      } catch {
        // No listener is left for this error.
      }
    }
  }
}
