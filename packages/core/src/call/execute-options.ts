import type { PickRequest } from '../balancer/balancer.ts'
import { checkBoolean, checkDurationMs, checkFunction, checkKeys, rejectOption } from '../base/option-checks.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { AttemptResult, Classification } from '../retry/classification.ts'
import { checkRetryOptions, type RetryOptions } from '../retry/retry-policy.ts'
import type { AbortSignalLike } from './scope.ts'

/** Options of one call. */
export interface ExecuteOptions<T = unknown> extends PickRequest {
  /** Ends the call with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined
  /** Time limit of the call, including all its attempts, in milliseconds. @default the service's `timeoutMs` */
  readonly timeoutMs?: number | undefined
  /** No retry starts later than this many milliseconds after the start of the call. @default `timeoutMs` */
  readonly retryWithinMs?: number | undefined
  /**
   * Whether doing it twice has the effect of doing it once. Otherwise, it is repeated only if it provably never reached
   * an instance.
   * @default false
   */
  readonly idempotent?: boolean | undefined
  /** Overrides the service's retry options, field by field. The budget is always the service's. @default {} */
  readonly retry?: Omit<RetryOptions, 'budget'> | false | undefined
  /**
   * Classifies the end of an attempt; `undefined` selects the default: a fetch `Response` by its status, any other
   * value as a success, an error like `classifyError`. It is not called for an attempt that was cancelled because
   * another was faster.
   */
  readonly classify?: (result: AttemptResult<T>, instance: ServiceInstance) => Classification | undefined
  /**
   * Called with a value that is discarded for a retry, to free its resources. Unread bodies are freed without it: of a
   * fetch `Response`, and Node streams as `body`, as `data` or as the value itself.
   */
  readonly discard?: ((value: T) => void) | undefined
}

/** Those of a call that gives none. */
export const noExecuteOptions: ExecuteOptions = Object.freeze({})

const executeKeys: readonly (keyof ExecuteOptions)[] = [
  'signal',
  'timeoutMs',
  'retryWithinMs',
  'idempotent',
  'hashKey',
  'avoid',
  'retry',
  'classify',
  'discard',
]

/** Hot: looks only at what is given. @throws InvalidOptionError */
export function checkExecuteOptions<T>(options: ExecuteOptions<T>): void {
  checkKeys('options', options, executeKeys)
  const { signal, timeoutMs, retryWithinMs, retry, avoid, hashKey } = options
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    rejectOption('options.signal', 'an AbortSignal', signal)
  }
  if (timeoutMs !== undefined) checkDurationMs('options.timeoutMs', timeoutMs, { infinite: true })
  if (retryWithinMs !== undefined) checkDurationMs('options.retryWithinMs', retryWithinMs, { infinite: true })
  checkBoolean('options.idempotent', options.idempotent)
  checkFunction('options.classify', options.classify)
  checkFunction('options.discard', options.discard)
  if (hashKey !== undefined && typeof hashKey !== 'string') rejectOption('options.hashKey', 'a string', hashKey)
  if (avoid !== undefined && typeof avoid?.has !== 'function') rejectOption('options.avoid', 'a Set of ids', avoid)
  if (retry === undefined) return
  checkRetryOptions('options.retry', retry)
  if (retry !== false && 'budget' in retry) {
    rejectOption('options.retry.budget', 'absent: a budget belongs to the service', retry.budget)
  }
}
