import type { Complete } from '../../base/option-checks.ts'
import {
  booleanOption,
  type DefaultedOption,
  durationOption,
  integerOption,
  numberOption,
  type OptionTable,
  objectOption,
  withDefaults,
} from '../../base/option-table.ts'
import { type NoAnswerOptions, noAnswerTable } from './answer-watch.ts'

/** How failing instances are ejected. Every field has a default; `false` turns a detector off. */
export interface OutlierDetectionOptions {
  /** This many consecutive failed connections eject an instance. @default 5 */
  readonly consecutiveConnectErrors?: number | false | undefined
  /** This many consecutive 5xx responses eject an instance. @default 5 */
  readonly consecutiveServerErrors?: number | false | undefined
  /** Ejects an instance if too large a part of its requests failed within an interval. @default {} */
  readonly failurePercentage?: FailurePercentageOptions | false | undefined
  /**
   * Compares the instances of a service with each other. It has no effect in small services, so it never replaces the
   * other detectors.
   * @default {}
   */
  readonly successRate?: SuccessRateOptions | false | undefined
  /**
   * Ejects instances that accept requests without responding. The load balancer detects them; see `NoAnswerOptions`.
   * @default {}
   */
  readonly noAnswer?: NoAnswerOptions | false | undefined
  /**
   * Time over which requests are counted, and after which a series of failures without a new one is forgotten, in
   * milliseconds. The multiplier of the ejection time falls by 1 after each such time in use.
   * @default 10_000
   */
  readonly intervalMs?: number | undefined
  /** Duration of the first ejection, in milliseconds; the n-th ejection lasts n times as long. @default 30_000 */
  readonly baseEjectionMs?: number | undefined
  /**
   * Duration of the first ejection after connections that failed at once (refused, reset), in milliseconds, because
   * another try costs almost nothing. As long as probes fail in the same way, the duration grows with the outage, to an
   * eighth of it; the n-th ejection lasts at least n times this value. It is never above `baseEjectionMs`.
   * @default 1_000
   */
  readonly connectBaseEjectionMs?: number | undefined
  /** Longest ejection, in milliseconds (or `baseEjectionMs`, if that is more). @default 300_000 */
  readonly maxEjectionMs?: number | undefined
  /** Random part of each ejection and interval, from 0 to 1; they only become shorter. @default 0.1 */
  readonly jitter?: number | undefined
  /**
   * Most instances ejected at once, in percent of the known ones. Except with 0, at least one may be ejected, however
   * few there are; the last usable one never is.
   * @default 10
   */
  readonly maxEjectionPercent?: number | undefined
  /** `false` ejects no instance and only reports which would have been ejected. @default true */
  readonly enforce?: boolean | undefined
}

/** When the failures of one instance within an interval eject it. */
export interface FailurePercentageOptions {
  /** Failed requests in percent, from 1 to 100. @default 85 */
  readonly threshold?: number | undefined
  /** An instance with fewer requests within the interval is not judged. @default 50 */
  readonly minimumRequests?: number | undefined
  /** If fewer instances have enough requests, none is judged. With 1, an instance needs no others. @default 1 */
  readonly minimumInstances?: number | undefined
}

/** When the success rate of an instance, compared with the others, ejects it. */
export interface SuccessRateOptions {
  /**
   * An instance is an outlier if its rate is this many standard deviations below the mean, from 0 to 100.
   * @default 1.9
   */
  readonly standardDeviations?: number | undefined
  /** An instance with fewer requests within the interval is left out. @default 100 */
  readonly minimumRequests?: number | undefined
  /** If fewer instances have enough requests, none is judged. @default 5 */
  readonly minimumInstances?: number | undefined
}

/** `OutlierDetectionOptions` with every default filled in. */
export interface OutlierDetectionSettings {
  /** Infinity: off. */
  readonly consecutiveConnectErrors: number
  readonly consecutiveServerErrors: number
  readonly failurePercentage: Complete<FailurePercentageOptions> | undefined
  readonly successRate: Complete<SuccessRateOptions> | undefined
  readonly noAnswer: NoAnswerOptions | false
  readonly intervalMs: number
  readonly baseEjectionMs: number
  /** Not above `baseEjectionMs`. */
  readonly connectBaseEjectionMs: number
  /** Not below `baseEjectionMs`. */
  readonly maxEjectionMs: number
  readonly jitter: number
  readonly maxEjectionPercent: number
  readonly enforce: boolean
}

/** At least one, and at most as many as no instance ever has. */
function countOption(value: number): DefaultedOption<number> {
  return integerOption({ min: 1, max: 1_000_000_000, default: value })
}

/** The length of a series that ejects, or `false`: none does. */
function runOption(value: number): DefaultedOption<number | false> {
  const { legal, check } = countOption(value)
  return {
    legal: `${legal}, or false`,
    default: value,
    check: (path, given) => {
      if (given !== false) check(path, given)
    },
  }
}

/** What may be said of the failures of one instance. */
export const failurePercentageTable: OptionTable<FailurePercentageOptions> = {
  threshold: numberOption({ min: 1, max: 100, default: 85 }),
  minimumRequests: countOption(50),
  minimumInstances: countOption(1),
}

/** What may be said of success rates. */
export const successRateTable: OptionTable<SuccessRateOptions> = {
  standardDeviations: numberOption({ max: 100, default: 1.9 }),
  minimumRequests: countOption(100),
  minimumInstances: countOption(5),
}

/** What may be said of outlier detection. The defaults are those of Envoy's and gRFC A50, where those have one. */
export const outlierDetectionTable: OptionTable<OutlierDetectionOptions> = {
  consecutiveConnectErrors: runOption(5),
  consecutiveServerErrors: runOption(5),
  failurePercentage: objectOption(failurePercentageTable, {}),
  successRate: objectOption(successRateTable, {}),
  noAnswer: objectOption(noAnswerTable, {}),
  intervalMs: durationOption({ min: 1, default: 10_000 }),
  baseEjectionMs: durationOption({ min: 1, default: 30_000 }),
  connectBaseEjectionMs: durationOption({ min: 1, default: 1_000 }),
  maxEjectionMs: durationOption({ min: 1, default: 300_000 }),
  jitter: numberOption({ max: 1, default: 0.1 }),
  maxEjectionPercent: numberOption({ max: 100, default: 10 }),
  enforce: booleanOption(true),
}

/** What holds: the given options, then the defaults. */
export function outlierDetectionSettings(options: OutlierDetectionOptions): OutlierDetectionSettings {
  const values = withDefaults(options, outlierDetectionTable)
  const { failurePercentage, successRate, baseEjectionMs } = values
  return {
    ...values,
    consecutiveConnectErrors: orNever(values.consecutiveConnectErrors),
    consecutiveServerErrors: orNever(values.consecutiveServerErrors),
    failurePercentage:
      failurePercentage === false ? undefined : withDefaults(failurePercentage, failurePercentageTable),
    successRate: successRate === false ? undefined : withDefaults(successRate, successRateTable),
    connectBaseEjectionMs: Math.min(values.connectBaseEjectionMs, baseEjectionMs),
    maxEjectionMs: Math.max(baseEjectionMs, values.maxEjectionMs),
  }
}

function orNever(run: number | false): number {
  return run === false ? Number.POSITIVE_INFINITY : run
}
