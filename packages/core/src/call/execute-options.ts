import type { PickRequest } from '../balancer/balancer.ts'
import { hasFields } from '../base/fields.ts'
import { hasMethod, rejectOption } from '../base/option-checks.ts'
import {
  booleanOption,
  type DefaultedOption,
  durationOption,
  functionOption,
  type Option,
  type OptionTable,
  objectOption,
  optionChecker,
} from '../base/option-table.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import { type Criticality, criticalityOption } from '../overload/criticality.ts'
import type { AttemptResult, Classification } from '../retry/classification.ts'
import { type RetryOptions, retryTable } from '../retry/retry-policy.ts'
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
  /** What the call is worth if the service is overloaded: the lowest class is refused first. @default 'default' */
  readonly criticality?: Criticality | undefined
  /** The method, if the call sends an HTTP request: for observers, it changes nothing. @default not known */
  readonly httpMethod?: string | undefined
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

const signalOption: Option<AbortSignalLike> = {
  legal: 'AbortSignal',
  check: (path, given) => {
    if (given !== undefined && !hasMethod(given, 'addEventListener')) rejectOption(path, 'an AbortSignal', given)
  },
}

const stringOption: Option<string> = {
  legal: 'string',
  type: 'string',
  check: (path, given) => {
    if (given !== undefined && typeof given !== 'string') rejectOption(path, 'a string', given)
  },
}

const avoidOption: Option<ReadonlySet<string>> = {
  legal: 'Set of ids',
  check: (path, given) => {
    if (given !== undefined && !hasMethod(given, 'has')) rejectOption(path, 'a Set of ids', given)
  },
}

const matchOption: Option<MetadataMatch> = {
  legal: 'object of strings by key',
  check: (path, given) => {
    if (given === undefined) return
    if (!hasFields(given) || given instanceof Promise) return rejectOption(path, 'an object of strings', given)
    for (const key in given) {
      const value = given[key]
      // `null` is what `Headers.get` says of a header that is not there.
      if (typeof value !== 'string' && value !== undefined && value !== null)
        rejectOption(`${path}.${key}`, 'a string, or absent', value)
    }
  },
}

const checkRetry = optionChecker('options.retry', retryTable)

/** Frozen and legal: an adapter gives the same ones with every call. */
let lastRetry: unknown

const retryOption: DefaultedOption<Omit<RetryOptions, 'budget'> | false> = {
  ...objectOption<RetryOptions>(retryTable, {}),
  check: (path, given) => {
    if (given === undefined || given === false || given === lastRetry) return
    checkRetry(given)
    const { budget }: RetryOptions = Object(given)
    if (budget !== undefined) rejectOption(`${path}.budget`, 'absent: a budget belongs to the service', budget)
    if (Object.isFrozen(given)) lastRetry = given
  },
}

/** Options of a call without a default: what the service has applies, or nothing. */
type OpenOption =
  | 'signal'
  | 'timeoutMs'
  | 'retryWithinMs'
  | 'hashKey'
  | 'avoid'
  | 'match'
  | 'criticality'
  | 'httpMethod'
  | 'classify'
  | 'discard'

/** Every option of a call. */
export const executeTable: OptionTable<ExecuteOptions, OpenOption> = {
  signal: signalOption,
  timeoutMs: durationOption({ infinite: true }),
  retryWithinMs: durationOption({ infinite: true }),
  idempotent: booleanOption(false),
  hashKey: stringOption,
  avoid: avoidOption,
  match: matchOption,
  retry: retryOption,
  criticality: criticalityOption,
  httpMethod: stringOption,
  classify: functionOption(),
  discard: functionOption(),
}

/** @throws InvalidOptionError */
export const checkExecuteOptions: (options: unknown) => void = optionChecker('options', executeTable)
