import type { CancelTimer, Clock } from '../../base/clock.ts'
import { DiscoveryError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { RunningClock } from '../../base/running-clock.ts'
import { FollowedService } from '../followed-service.ts'
import type { InstanceList } from '../instance-list.ts'
import type { CompositeDiscoveryListener } from './event.ts'
import { parseMemberList } from './list.ts'
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
  readonly emit: CompositeDiscoveryListener
}

/** The code that combines the members reads all of them each time one has changed. */
export interface MemberWatchListener {
  answered(watch: MemberWatch): void
  failed(watch: MemberWatch): void
}

/** Watches or polls one member, and remembers its last list and whether it fails. */
export class MemberWatch {
  readonly index: number
  readonly member: CheckedMember
  readonly #context: CompositeContext
  readonly #listener: MemberWatchListener
  readonly #followed: FollowedService
  #list: InstanceList | undefined
  #error: unknown
  #failing = false
  #closed = false
  #cancelSilence: CancelTimer = () => {}

  constructor(index: number, context: CompositeContext, listener: MemberWatchListener) {
    this.index = index
    this.member = context.members[index] as CheckedMember
    this.#context = context
    this.#listener = listener
    const { service } = context
    this.#followed = new FollowedService({
      ...context,
      nameInRegistry: service,
      discovery: this.member.discovery,
      observer: {
        next: (answer, rejected, sample) => this.#receive(answer, { rejected: rejected ?? [], sample }),
        error: (cause) => this.#fail(cause),
      },
      onCloseFailed: (error) => context.emit({ type: 'member-failed', service, member: this.member.name, error }),
    })
  }

  /** The last good list, also while the member fails. */
  get list(): InstanceList | undefined {
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
    this.#followed.start()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelSilence()
    this.#followed.close()
  }

  #receive(answer: unknown, details: Omit<InstanceList, 'instances'>): void {
    if (this.#closed) return
    const { service, emit } = this.#context
    try {
      this.#list = parseMemberList(service, answer, { ...details, priorityOffset: this.member.priorityOffset })
    } catch (cause) {
      this.#fail(cause)
      return
    }
    this.#cancelSilence()
    const recovered = this.#failing
    this.#failing = false
    if (recovered) emit({ type: 'member-recovered', service, member: this.member.name })
    if (!this.#closed) this.#listener.answered(this)
  }

  #fail(cause: unknown): void {
    if (this.#closed) return
    const { service, emit } = this.#context
    this.#cancelSilence()
    this.#failing = true
    this.#error = cause
    emit({ type: 'member-failed', service, member: this.member.name, error: cause })
    if (!this.#closed) this.#listener.failed(this)
  }
}
