import type { Clock } from '../base/clock.ts'
import { InvalidOptionError } from '../base/errors.ts'
import { hasMethod, rejectOption } from '../base/option-checks.ts'
import type { CallObservation, CallObserver } from './call-observer.ts'
import type { EventChannel } from './event-channel.ts'
import { ObservedCall } from './observed-call.ts'
import { OpenCalls } from './open-calls.ts'

/** What the caller said of its call. */
interface GivenCall {
  readonly idempotent?: boolean | undefined
  readonly httpMethod?: string | undefined
}

/** The observers of one load balancer. Without them, and without listeners to events of calls, a call costs one comparison more. */
export class CallObservers {
  readonly #events: EventChannel
  readonly #clock: Clock
  /** Whether there are observers. Changed here alone. */
  active = false
  #observers: readonly CallObserver[] = []
  /** Calls that were observed so far. */
  #calls = 0
  /** Those that have not ended. An application that never reports the end of a request keeps its call here. */
  readonly #open = new OpenCalls<ObservedCall>()

  constructor(events: EventChannel, clock: Clock) {
    this.#events = events
    this.#clock = clock
  }

  /** @throws InvalidOptionError */
  observe(observer: CallObserver): () => void {
    if (!hasMethod(observer, 'startCall')) rejectOption('observer', 'an object with startCall', observer)
    const own: CallObserver = { startCall: (info) => observer.startCall(info) }
    this.#setObservers([...this.#observers, own])
    return () => this.#setObservers(this.#observers.filter((other) => other !== own))
  }

  /** The number of a call that may begin; 0: nothing observes it, or listens to it. */
  reserve(): number {
    return !this.active && !this.#events.wantsCalls ? 0 : ++this.#calls
  }

  /** A call begins; `undefined`: nothing observes it, or listens to it. */
  begin(service: string, given: GivenCall, call: number = this.reserve()): ObservedCall | undefined {
    return call === 0 ? undefined : this.#begin(service, given, call)
  }

  /** A call was refused with `error` when it was made; an illegal argument makes no call. */
  refused(service: string, error: unknown, call?: number): void {
    if (!(error instanceof InvalidOptionError)) this.begin(service, {}, call)?.threw(error, false)
  }

  /** The load balancer is closed, for `errorOf(service)`: calls that have not ended get their event now, and later ones are not observed. */
  close(errorOf: (service: string) => Error): void {
    this.#setObservers([])
    for (const observed of this.#open.takeAll()) observed.lbClosed(errorOf(observed.service))
  }

  #setObservers(observers: readonly CallObserver[]): void {
    this.#observers = observers
    this.active = observers.length > 0
  }

  #begin(service: string, { idempotent = false, httpMethod }: GivenCall, call: number): ObservedCall {
    const events = this.#events
    const observations: CallObservation[] = []
    const observed = new ObservedCall({ service, call, clock: this.#clock, events, observations, open: this.#open })
    for (const observer of this.#observers) {
      observed.keep(observations, 'startAttempt', () =>
        observer.startCall({
          service,
          call,
          idempotent,
          ...(httpMethod === undefined ? undefined : { httpMethod }),
        }),
      )
    }
    return observed
  }
}
