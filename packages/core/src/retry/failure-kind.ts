import { isInstanceFault } from './classification.ts'

/** The part of an outcome that says what went wrong. */
interface Failure {
  readonly statusCode?: number
  readonly error?: unknown
  readonly cancelled?: boolean
}

/**
 * What a failed outcome says of the instance: `server`: it answered, but not well; `connect`: it was not reached, broke
 * off, or was too late; `undefined`: nothing (the caller went away, or made a mistake).
 */
export function failureKind({ statusCode, error, cancelled }: Failure): 'connect' | 'server' | undefined {
  if (cancelled === true) return undefined
  // Without an error there was an answer, which somebody called a failure.
  if (error === undefined || (statusCode !== undefined && statusCode >= 500)) return 'server'
  return isInstanceFault(error) ? 'connect' : undefined
}
