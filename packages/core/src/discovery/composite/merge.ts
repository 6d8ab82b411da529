import type { DiscoveryError } from '../../base/errors.ts'
import type { InstanceList } from '../instance-list.ts'
import { noMemberAnswers } from './failure.ts'
import { isEmpty, unite } from './list.ts'
import { type CompositeContext, MemberWatch } from './member.ts'
import type { CompositeOutput } from './output.ts'
import { askAll, type QuestionLimits } from './question.ts'

/**
 * The lists of all members, united. The first union waits until every member has answered or failed. One that fails keeps its
 * last list in the union; only when all fail is the union stale. A union that is empty while a member never gave a list
 * says nothing.
 */
export class MergeWatch {
  readonly #context: CompositeContext
  readonly #output: CompositeOutput
  readonly #watches: readonly MemberWatch[]
  #published = false
  #closed = false

  constructor(context: CompositeContext, output: CompositeOutput) {
    this.#context = context
    this.#output = output
    const listener = { answered: () => this.#publish(), failed: () => this.#failed() }
    this.#watches = context.members.map((_, index) => new MemberWatch(index, context, listener))
  }

  start(): void {
    for (const watch of this.#watches) {
      if (!this.#closed) watch.start()
    }
  }

  ask(limits: QuestionLimits): Promise<InstanceList> {
    return askAll(this.#context, limits, (index) => this.#watches[index]?.list)
  }

  close(): Promise<void> {
    this.#closed = true
    for (const watch of this.#watches) watch.close()
    return this.#output.close()
  }

  #publish(): void {
    if (!this.#watches.every(({ settled }) => settled)) return
    const lists = this.#watches.flatMap(({ list }) => (list === undefined ? [] : [list]))
    const union = unite(lists)
    if (lists.length < this.#watches.length && isEmpty(union)) {
      this.#output.nothing(this.#failure())
      return
    }
    this.#published = true
    this.#output.live(union)
    if (!this.#closed && this.#watches.every(({ failing }) => failing)) this.#output.stale(this.#failure())
  }

  #failed(): void {
    if (!this.#published) this.#publish()
    else if (this.#watches.every(({ failing }) => failing)) this.#output.stale(this.#failure())
  }

  #failure(): DiscoveryError {
    const failures = this.#watches.map(({ member, failing, error }) => ({
      member: member.name,
      error: failing ? error : undefined,
    }))
    return noMemberAnswers(this.#context.service, failures)
  }
}
