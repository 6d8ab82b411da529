import { DiscoveryError } from '../../base/errors.ts'
import { shown } from '../../base/option-checks.ts'

export interface MemberFailure {
  readonly member: string
  /** `undefined`: it answered, but knows no instance, and is not to be believed in that. */
  readonly error: unknown
}

/** Why nothing is known of `service`: what each member did. */
export function noMemberAnswers(service: string, failures: readonly MemberFailure[]): DiscoveryError {
  const [only] = failures
  if (failures.length === 1 && only?.error instanceof DiscoveryError) return only.error
  const reasons = failures.map(({ member, error }) => `${member}: ${reasonOf(service, error)}`)
  const errors = failures.flatMap(({ error }) => (error === undefined ? [] : [error]))
  return new DiscoveryError(`${service}: no discovery answers. ${reasons.join('; ')}`, {
    service,
    cause: errors.length === 1 ? errors[0] : new AggregateError(errors),
  })
}

/** `error` without the name of the service in front, for messages that begin with it. */
export function reasonOf(service: string, error: unknown): string {
  if (error === undefined) return 'knows no instance'
  const message = error instanceof Error ? error.message : shown(error)
  return message.startsWith(`${service}: `) ? message.slice(service.length + 2) : message
}

/** `ageMs` for people: in the largest unit of which there is one. */
export function ageText(ageMs: number): string {
  const seconds = ageMs / 1_000
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`
}
