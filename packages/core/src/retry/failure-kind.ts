import { judgeError } from './error-verdict.ts'

/** `server`: the instance answered, but not well; `connect`: it was not reached, broke off, or was too late. */
export type FailureKind = 'connect' | 'server'

/** The part of an outcome that says what went wrong. */
interface Failure {
  readonly statusCode?: number | undefined
  readonly error?: unknown
  readonly cancelled?: boolean | undefined
  readonly blame?: 'instance' | 'none' | undefined
}

/** What a failed outcome says of the instance; `undefined`: nothing (the caller went away, made a mistake, or had no descriptor left). */
export function failureKind({ statusCode, error, cancelled, blame }: Failure): FailureKind | undefined {
  if (cancelled === true || blame === 'none') return undefined
  // Without an error there was an answer, which the caller called a failure.
  if (error === undefined || (statusCode !== undefined && statusCode >= 500)) return 'server'
  const { says } = judgeError(error)
  if (says === 'connect' || says === 'server') return says
  return blame === 'instance' ? 'server' : undefined
}
