import type { CancelTimer } from '../../base/clock.ts'
import { jittered } from '../../base/random.ts'
import type { InstanceList } from '../instance-list.ts'
import { type MemberFailure, noMemberAnswers } from './failure.ts'
import { isEmpty } from './list.ts'
import { type CompositeContext, MemberWatch } from './member.ts'
import type { CompositeOutput } from './output.ts'
import { askInOrder, askOne, type QuestionLimits } from './question.ts'

/**
 * One member is in use: the first that gave a list. While it answers, those behind it are not asked; those before it are, and
 * the first that has instances again is used again. When it fails for `failoverAfterMs`, the next ones are asked, and one that has
 * instances takes over. Until then its last list stays.
 *
 * "No instance" is believed of the member in use, and of the first member; it is no reason to take over.
 */
export class FailoverWatch {
  readonly #context: CompositeContext
  readonly #output: CompositeOutput
  /** By place in the row; absent: not asked at present. */
  readonly #watches: (MemberWatch | undefined)[]
  #inUse: MemberWatch | undefined
  /** The member in use has failed for long enough. */
  #due = false
  #cancelDue: CancelTimer | undefined
  #closed = false

  constructor(context: CompositeContext, output: CompositeOutput) {
    this.#context = context
    this.#output = output
    this.#watches = context.members.map(() => undefined)
  }

  start(): void {
    this.#open(0)
  }

  /** What `getInstances` says is what the watch would: the member in use is asked and no other. */
  ask(limits: QuestionLimits): Promise<InstanceList> {
    if (this.#inUse === undefined) return askInOrder(this.#context, limits)
    return askOne(this.#context, this.#inUse.member, limits)
  }

  close(): Promise<void> {
    this.#closed = true
    this.#cancelDue?.()
    for (const watch of this.#watches) watch?.close()
    return this.#output.close()
  }

  /** Whether the member was not asked before; it says by itself how that went. */
  #open(index: number): boolean {
    if (this.#closed || index >= this.#watches.length || this.#watches[index] !== undefined) return false
    const watch = new MemberWatch(index, this.#context, {
      answered: () => this.#answered(watch),
      failed: () => this.#failed(watch),
    })
    this.#watches[index] = watch
    watch.start()
    return true
  }

  #answered(watch: MemberWatch): void {
    const list = watch.list as InstanceList
    const inUse = this.#inUse
    if (watch === inUse) {
      this.#endFailure()
      this.#closeBehind(watch.index)
      this.#output.live(list)
    } else if (this.#mayTakeOver(watch, list)) {
      this.#take(watch)
    } else if (inUse === undefined || watch.index > inUse.index) {
      if (!this.#open(watch.index + 1)) this.#emitIfNothing()
    }
  }

  #mayTakeOver(watch: MemberWatch, list: InstanceList): boolean {
    if (!isEmpty(list)) return true
    if (this.#inUse === undefined) return watch.index === 0
    return this.#due && watch.index < this.#inUse.index
  }

  #failed(watch: MemberWatch): void {
    const inUse = this.#inUse
    if (watch === inUse) {
      this.#armDue()
      this.#output.stale(watch.error)
    } else if (inUse === undefined || watch.index > inUse.index) {
      if (!this.#open(watch.index + 1)) this.#emitIfNothing()
    }
  }

  #take(watch: MemberWatch): void {
    const { service, emit } = this.#context
    this.#inUse = watch
    this.#endFailure()
    this.#closeBehind(watch.index)
    emit({ type: 'member-in-use', service, member: watch.member.name })
    this.#output.live(watch.list as InstanceList)
  }

  #armDue(): void {
    if (this.#cancelDue !== undefined || this.#watches.length === 1) return
    const { clock, random, failoverAfterMs } = this.#context
    const delayMs = jittered(failoverAfterMs, 0.2, random)
    this.#cancelDue = clock.setTimeout(() => this.#seek(), delayMs, { background: true })
  }

  #endFailure(): void {
    this.#due = false
    this.#cancelDue?.()
    this.#cancelDue = undefined
  }

  #seek(): void {
    const inUse = this.#inUse as MemberWatch
    this.#due = true
    // One that answers, but was not used again as it has no instance.
    const before = this.#watches.slice(0, inUse.index).find((watch) => watch?.list !== undefined && !watch.failing)
    if (before === undefined) this.#open(inUse.index + 1)
    else this.#take(before)
  }

  #closeBehind(index: number): void {
    for (const [at, watch] of this.#watches.entries()) {
      if (at <= index) continue
      watch?.close()
      this.#watches[at] = undefined
    }
  }

  #emitIfNothing(): void {
    if (this.#closed || this.#inUse !== undefined) return
    const failures: MemberFailure[] = []
    for (const watch of this.#watches) {
      if (watch === undefined || !watch.settled) return
      failures.push({ member: watch.member.name, error: watch.failing ? watch.error : undefined })
    }
    this.#output.nothing(noMemberAnswers(this.#context.service, failures))
  }
}
