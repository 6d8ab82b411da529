import { LoadBalancerError } from '../base/errors.ts'
import { fieldsOf } from '../base/fields.ts'
import { errorStatus, grpcVerdict } from './error-status.ts'
import { networkFaults } from './network-fault.ts'

/** What an error means for balancing and retrying. */
export interface ErrorVerdict {
  /**
   * What it says of the instance: `connect`: it was not reached, broke off, or was too late; `server`: it answered, but not well;
   * `answer`: it answered; `nothing`: the error is the caller's, or of this process.
   */
  readonly says: 'connect' | 'server' | 'answer' | 'nothing'
  /** Absent: as the policy says of `statusCode`. */
  readonly retry?: 'always' | 'idempotent' | 'never'
  readonly statusCode?: number
  readonly retryAfterMs?: number | undefined
}

const saysNothing: ErrorVerdict = Object.freeze({ says: 'nothing', retry: 'never' })

/**
 * An error counts against an instance only when it says so: by the network's word, an HTTP status, a gRPC status, or because a time
 * limit of lb's passed. Every other one is the caller's.
 */
export function judgeError(error: unknown): ErrorVerdict {
  try {
    return judge(error)
  } catch {
    // A getter of the application's threw.
    return saysNothing
  }
}

/** Whether `error` says that a time limit passed. */
export function isTimeout(error: unknown): boolean {
  try {
    return isDeadline(error) || networkFaults(error).some(({ timedOut }) => timedOut)
  } catch {
    return false
  }
}

function judge(error: unknown): ErrorVerdict {
  if (isAbort(error)) return saysNothing
  if (error instanceof LoadBalancerError) {
    return isDeadline(error) ? { says: 'connect', retry: 'idempotent' } : saysNothing
  }
  return judgeByNetwork(error) ?? judgeByStatus(error) ?? saysNothing
}

function judgeByNetwork(error: unknown): ErrorVerdict | undefined {
  const faults = networkFaults(error)
  if (faults.length === 0) return undefined
  const says = faults.some(({ lacked }) => lacked === undefined) ? 'connect' : 'nothing'
  // Any other request would need the same, and be one more that does.
  if (faults.every(({ lacked }) => lacked === 'resources')) return saysNothing
  return { says, retry: faults.every(({ neverSent }) => neverSent) ? 'always' : 'idempotent' }
}

function judgeByStatus(error: unknown): ErrorVerdict | undefined {
  const status = errorStatus(error)
  if (status !== undefined) return { says: status.statusCode >= 500 ? 'server' : 'answer', ...status }
  const grpc = grpcVerdict(error)
  if (grpc === undefined) return undefined
  const { failed, ...rest } = grpc
  return { says: failed ?? 'answer', ...rest }
}

function isAbort(error: unknown): boolean {
  const { name } = fieldsOf(error)
  return name === 'AbortError' || name === 'CanceledError'
}

function isDeadline(error: unknown): boolean {
  return error instanceof LoadBalancerError && error.code === 'LB_DEADLINE_EXCEEDED'
}
