import { checkInteger, rejectOption } from '../base/option-checks.ts'
import {
  type DefaultedOption,
  durationOption,
  integerOption,
  type OptionTable,
  objectOption,
  withDefaults,
} from '../base/option-table.ts'
import { defaultRetryStatusCodes } from './classification.ts'
import { type RetryBudgetOptions, retryBudgetTable } from './retry-budget.ts'

/** When and how a failed attempt is retried on another instance. */
export interface RetryOptions {
  /** Most attempts after the first, from 0 to 100. @default 2 */
  readonly maxRetries?: number | undefined
  /**
   * Limit on the retries of all calls to the service. With `false` there is none, and retries multiply the load of an
   * outage.
   * @default {}
   */
  readonly budget?: RetryBudgetOptions | false | undefined
  /**
   * Longest delay before the first retry, in milliseconds; it doubles with each further retry. The delay is random
   * between 0 and this bound.
   * @default 25
   */
  readonly backoffBaseMs?: number | undefined
  /** Longest delay before any retry, in milliseconds. @default 250 */
  readonly backoffMaxMs?: number | undefined
  /**
   * An attempt that takes longer, in milliseconds, is aborted and counts as failed. Without a limit, an instance that
   * accepts connections without responding may hold a call until its deadline.
   * @default Infinity
   */
  readonly attemptTimeoutMs?: number | undefined
  /**
   * Longest total wait of a call because responses ask for it by `Retry-After`, in milliseconds; 0: no wait. It applies
   * only if no other instance is left. Beyond it, the caller gets the response, which says when to come back.
   * @default 5_000
   */
  readonly retryAfterMaxMs?: number | undefined
  /**
   * If an idempotent attempt has waited this long, in milliseconds (≥ 10, or `Infinity` for never), without any
   * response of its instance, the call is also tried on another one. The first attempt continues, and the first
   * response counts. Where responses usually take longer, so does the wait.
   * @default 500
   */
  readonly secondTryAfterMs?: number | undefined
  /** Response statuses after which an idempotent request is retried. @default [500, 502, 503, 504] */
  readonly statusCodes?: readonly number[] | undefined
}

/** `RetryOptions` with every default filled in. */
export interface RetryPolicy {
  readonly maxRetries: number
  readonly budget: RetryBudgetOptions | false
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
  readonly attemptTimeoutMs: number
  readonly retryAfterMaxMs: number
  readonly secondTryAfterMs: number
  readonly statusCodes: ReadonlySet<number>
}

const statusCodesOption: DefaultedOption<readonly number[]> = {
  legal: 'array of integers in [100, 599]',
  default: [...defaultRetryStatusCodes],
  copied: true,
  check: (path, given) => {
    if (given === undefined) return
    if (!Array.isArray(given)) rejectOption(path, 'an array of HTTP statuses', given)
    for (const [index, status] of given.entries()) checkInteger(`${path}[${index}]`, status ?? Number.NaN, 100, 599)
  },
}

export const retryTable: OptionTable<RetryOptions> = {
  maxRetries: integerOption({ max: 100, default: 2 }),
  budget: objectOption(retryBudgetTable, {}),
  backoffBaseMs: durationOption({ default: 25 }),
  backoffMaxMs: durationOption({ default: 250 }),
  attemptTimeoutMs: durationOption({ min: 1, infinite: true, default: Number.POSITIVE_INFINITY }),
  retryAfterMaxMs: durationOption({ default: 5_000 }),
  secondTryAfterMs: durationOption({ min: 10, infinite: true, default: 500 }),
  statusCodes: statusCodesOption,
}

const defaults = withDefaults({}, retryTable)
const defaultPolicy: RetryPolicy = Object.freeze({ ...defaults, statusCodes: new Set(defaults.statusCodes) })

let last: { readonly options: RetryOptions; readonly base: RetryPolicy; readonly policy: RetryPolicy } | undefined

/** `retryPolicy` for options that are given with each call: of the last ones it is kept, if they are frozen. */
export function retryPolicyOfCall(options: RetryOptions | false, base: RetryPolicy): RetryPolicy {
  if (options === last?.options && base === last.base) return last.policy
  const policy = retryPolicy(options, base)
  if (options !== false && Object.isFrozen(options)) last = { options, base, policy }
  return policy
}

/** The policy that `options` (checked before) mean, on top of `base`. `false` means no retry at all. */
export function retryPolicy(options: RetryOptions | false | undefined, base: RetryPolicy = defaultPolicy): RetryPolicy {
  if (options === undefined) return base
  if (options === false) return { ...base, maxRetries: 0 }
  return {
    maxRetries: options.maxRetries ?? base.maxRetries,
    budget: options.budget ?? base.budget,
    backoffBaseMs: options.backoffBaseMs ?? base.backoffBaseMs,
    backoffMaxMs: options.backoffMaxMs ?? base.backoffMaxMs,
    attemptTimeoutMs: options.attemptTimeoutMs ?? base.attemptTimeoutMs,
    retryAfterMaxMs: options.retryAfterMaxMs ?? base.retryAfterMaxMs,
    secondTryAfterMs: options.secondTryAfterMs ?? base.secondTryAfterMs,
    statusCodes: options.statusCodes === undefined ? base.statusCodes : new Set(options.statusCodes),
  }
}
