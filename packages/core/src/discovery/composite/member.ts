import type { CancelTimer, Clock } from '../../base/clock.ts'
import { DiscoveryError } from '../../base/errors.ts'
import { jittered, type Random } from '../../base/random.ts'
import { RunningClock } from '../../base/running-clock.ts'
import type { DiscoveryObserver, DiscoverySubscription } from '../discovery.ts'
import { poll } from '../poll.ts'
import type { CompositeDiscoveryListener } from './event.ts'
import { type MemberList, parseMemberList } from './list.ts'
import type { CheckedMember } from './options.ts'

/** What all parts of one watch of a composite need. */
export interface CompositeContext {
  readonly service: string
  readonly members: readonly CheckedMember[]
  readonly failoverAfterMs: number
  readonly firstAnswerTimeoutMs: number
  readonly refreshIntervalMs: number
  readonly clock: Clock
  readonly random: Random
  readonly tell: CompositeDiscoveryListener
}

/** Whoever combines the members looks at all of them each time one changed. */
export interface MemberWatchListener {
  answered(watch: MemberWatch): void
  failed(watch: MemberWatch): void
}

const resubscribeMinMs = 1_000
const resubscribeMaxMs = 30_000

/** Watches or polls one member, and remembers its last list and whether it fails. */
export class MemberWatch {
  readonly index: number
  readonly member: CheckedMember
  readonly #context: CompositeContext
  readonly #listener: MemberWatchListener
  #list: MemberList | undefined
  #error: unknown
  #failing = false
  #closed = false
  #subscription: DiscoverySubscription | undefined
  #subscribeFailures = 0
  #cancelSilence: CancelTimer = () => {}
  #cancelResubscribe: CancelTimer = () => {}

  constructor(index: number, context: CompositeContext, listener: MemberWatchListener) {
    this.index = index
    this.member = context.members[index] as CheckedMember
    this.#context = context
    this.#listener = listener
  }

  /** The last good list, also while the member fails. */
  get list(): MemberList | undefined {
    return this.#list
  }

  get failing(): boolean {
    return this.#failing
  }

  /** Why it fails, or failed last. */
  get error(): unknown {
    return this.#error
  }

  /** Whether it has said anything yet, be it by failing. */
  get settled(): boolean {
    return this.#failing || this.#list !== undefined
  }

  start(): void {
    const { service, clock, firstAnswerTimeoutMs } = this.#context
    const silent = (): void =>
      this.#fail(new DiscoveryError(`${service}: no answer within ${firstAnswerTimeoutMs} ms`, { service }))
    this.#cancelSilence = new RunningClock(clock).setTimeout(silent, firstAnswerTimeoutMs, { background: true })
    this.#subscribe()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelSilence()
    this.#cancelResubscribe()
    this.#closeQuietly(this.#subscription)
    this.#subscription = undefined
  }

  #subscribe(): void {
    const { service, clock, random } = this.#context
    const observer: DiscoveryObserver = {
      next: (answer) => this.#receive(answer),
      error: (cause) => this.#fail(cause),
    }
    try {
      const subscription = this.#watch(service, observer)
      // It may have called, and been closed thereby, before it returned.
      if (this.#closed) this.#closeQuietly(subscription)
      else this.#subscription = subscription
      this.#subscribeFailures = 0
    } catch (cause) {
      this.#fail(cause)
      if (this.#closed) return
      const delayMs = Math.min(resubscribeMaxMs, resubscribeMinMs * 2 ** Math.min(this.#subscribeFailures++, 30))
      const again = (): void => this.#subscribe()
      this.#cancelResubscribe = clock.setTimeout(again, jittered(delayMs, 0.5, random), { background: true })
    }
  }

  #watch(service: string, observer: DiscoveryObserver): DiscoverySubscription {
    const { discovery } = this.member
    if (typeof discovery.watch === 'function') return discovery.watch(service, observer)
    const { refreshIntervalMs: intervalMs, clock, random } = this.#context
    const watch = poll((name, options) => discovery.getInstances(name, options), { intervalMs, clock, random })
    return watch(service, observer)
  }

  #receive(answer: unknown): void {
    if (this.#closed) return
    const { service, tell } = this.#context
    try {
      this.#list = parseMemberList(service, answer, this.member.priorityOffset)
    } catch (cause) {
      this.#fail(cause)
      return
    }
    this.#cancelSilence()
    const recovered = this.#failing
    this.#failing = false
    if (recovered) tell({ type: 'member-recovered', service, member: this.member.name })
    if (!this.#closed) this.#listener.answered(this)
  }

  #fail(cause: unknown): void {
    if (this.#closed) return
    const { service, tell } = this.#context
    this.#cancelSilence()
    this.#failing = true
    this.#error = cause
    tell({ type: 'member-failed', service, member: this.member.name, error: cause })
    if (!this.#closed) this.#listener.failed(this)
  }

  #closeQuietly(subscription: DiscoverySubscription | undefined): void {
    const { service, tell } = this.#context
    try {
      subscription?.close()
    } catch (error) {
      tell({ type: 'member-failed', service, member: this.member.name, error })
    }
  }
}
