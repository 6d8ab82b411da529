import { DiscoveryError } from '../../base/errors.ts'
import { timeLimited } from '../../base/time-limit.ts'
import type { InstanceList } from '../instance-list.ts'
import { type MemberFailure, noMemberAnswers } from './failure.ts'
import { isEmpty, parseMemberList, unite } from './list.ts'
import type { CompositeContext } from './member.ts'
import type { CheckedMember } from './options.ts'

export interface QuestionLimits {
  /** The caller's, and that of the composite. */
  readonly signals: readonly (AbortSignal | undefined)[]
}

/** Of one member among several; as for a refresh of `poll`. */
const mergeLimitMs = 10_000

/** @throws whatever the member rejects with; DiscoveryError when it answers nonsense */
export function askOne(
  { service, clock }: CompositeContext,
  { discovery, priorityOffset }: CheckedMember,
  { signals, limitMs }: QuestionLimits & { readonly limitMs?: number | undefined },
): Promise<InstanceList> {
  return timeLimited({ clock, limitMs, signals }, async (signal) =>
    parseMemberList(service, await discovery.getInstances(service, { signal }), { priorityOffset }),
  )
}

/**
 * The answer of the first member that has one. "No instance" is believed of the first member only.
 *
 * @throws DiscoveryError when no member has one; the reason of a signal
 */
export async function askInOrder(context: CompositeContext, limits: QuestionLimits): Promise<InstanceList> {
  const { service, members, firstAnswerTimeoutMs } = context
  const failures: MemberFailure[] = []
  for (const [index, member] of members.entries()) {
    const limitMs = index < members.length - 1 ? firstAnswerTimeoutMs : undefined
    try {
      const list = await askOne(context, member, { ...limits, limitMs })
      if (index === 0 || !isEmpty(list)) return list
      failures.push({ member: member.name, error: undefined })
    } catch (error) {
      throwIfAborted(limits)
      failures.push({ member: member.name, error })
    }
  }
  throw noMemberAnswers(service, failures)
}

/**
 * The union of what all members say now. One that fails is represented by what is known of it.
 *
 * @throws DiscoveryError when all fail, or the union is empty and one that fails never gave a list; the reason of a signal
 */
export async function askAll(
  context: CompositeContext,
  limits: QuestionLimits,
  known: (index: number) => InstanceList | undefined,
): Promise<InstanceList> {
  const { service, members } = context
  const answers = await Promise.allSettled(
    members.map((member) => askOne(context, member, { ...limits, limitMs: mergeLimitMs })),
  )
  throwIfAborted(limits)
  const lists = answers.map((answer, index) => (answer.status === 'fulfilled' ? answer.value : known(index)))
  const union = unite(lists.filter((list) => list !== undefined))
  const allFailed = answers.every(({ status }) => status === 'rejected')
  if (!allFailed && !(isEmpty(union) && lists.includes(undefined))) return union
  throw noMemberAnswers(
    service,
    answers.map((answer, index) => ({
      member: (members[index] as CheckedMember).name,
      error: answer.status === 'rejected' ? (answer.reason ?? new DiscoveryError('no reason given')) : undefined,
    })),
  )
}

function throwIfAborted({ signals }: QuestionLimits): void {
  for (const signal of signals) signal?.throwIfAborted()
}
