import {
  type Complete,
  checkBoolean,
  checkDurationMs,
  checkInteger,
  checkKeys,
  checkNumber,
} from '../../base/option-checks.ts'
import { checkNoAnswerOptions, type NoAnswerOptions } from './answer-watch.ts'

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

export const outlierDetectionKeys: readonly (keyof OutlierDetectionOptions)[] = [
  'consecutiveConnectErrors',
  'consecutiveServerErrors',
  'failurePercentage',
  'successRate',
  'noAnswer',
  'intervalMs',
  'baseEjectionMs',
  'connectBaseEjectionMs',
  'maxEjectionMs',
  'jitter',
  'maxEjectionPercent',
  'enforce',
]

const mostRequests = 1_000_000_000

/** @throws InvalidOptionError */
export function checkOutlierDetectionOptions(path: string, options: OutlierDetectionOptions): void {
  checkKeys(path, options, outlierDetectionKeys)
  checkRun(`${path}.consecutiveConnectErrors`, options.consecutiveConnectErrors)
  checkRun(`${path}.consecutiveServerErrors`, options.consecutiveServerErrors)
  checkFailurePercentage(`${path}.failurePercentage`, options.failurePercentage)
  checkSuccessRate(`${path}.successRate`, options.successRate)
  if (options.noAnswer !== undefined) checkNoAnswerOptions(`${path}.noAnswer`, options.noAnswer)
  for (const name of ['intervalMs', 'baseEjectionMs', 'connectBaseEjectionMs', 'maxEjectionMs'] as const) {
    checkDurationMs(`${path}.${name}`, options[name], { min: 1 })
  }
  checkNumber(`${path}.jitter`, options.jitter, 0, 1)
  checkNumber(`${path}.maxEjectionPercent`, options.maxEjectionPercent, 0, 100)
  checkBoolean(`${path}.enforce`, options.enforce)
}

/** What holds: the given options, then the defaults (those of Envoy's outlier detection and gRFC A50). */
export function outlierDetectionSettings(options: OutlierDetectionOptions): OutlierDetectionSettings {
  const { consecutiveConnectErrors = 5, consecutiveServerErrors = 5, failurePercentage, successRate } = options
  const { baseEjectionMs = 30_000, connectBaseEjectionMs = 1_000, maxEjectionMs = 300_000 } = options
  return {
    consecutiveConnectErrors: orNever(consecutiveConnectErrors),
    consecutiveServerErrors: orNever(consecutiveServerErrors),
    failurePercentage:
      failurePercentage === false
        ? undefined
        : {
            threshold: failurePercentage?.threshold ?? 85,
            minimumRequests: failurePercentage?.minimumRequests ?? 50,
            minimumInstances: failurePercentage?.minimumInstances ?? 1,
          },
    successRate:
      successRate === false
        ? undefined
        : {
            standardDeviations: successRate?.standardDeviations ?? 1.9,
            minimumRequests: successRate?.minimumRequests ?? 100,
            minimumInstances: successRate?.minimumInstances ?? 5,
          },
    intervalMs: options.intervalMs ?? 10_000,
    baseEjectionMs,
    connectBaseEjectionMs: Math.min(connectBaseEjectionMs, baseEjectionMs),
    maxEjectionMs: Math.max(baseEjectionMs, maxEjectionMs),
    jitter: options.jitter ?? 0.1,
    maxEjectionPercent: options.maxEjectionPercent ?? 10,
    enforce: options.enforce ?? true,
  }
}

function orNever(run: number | false): number {
  return run === false ? Number.POSITIVE_INFINITY : run
}

function checkRun(path: string, value: number | false | undefined): void {
  if (value !== false) checkInteger(path, value, 1, mostRequests)
}

function checkFailurePercentage(path: string, options: FailurePercentageOptions | false | undefined): void {
  if (options === false || options === undefined) return
  checkKeys(path, options, ['threshold', 'minimumRequests', 'minimumInstances'])
  checkNumber(`${path}.threshold`, options.threshold, 1, 100)
  checkVolume(path, options)
}

function checkSuccessRate(path: string, options: SuccessRateOptions | false | undefined): void {
  if (options === false || options === undefined) return
  checkKeys(path, options, ['standardDeviations', 'minimumRequests', 'minimumInstances'])
  checkNumber(`${path}.standardDeviations`, options.standardDeviations, 0, 100)
  checkVolume(path, options)
}

function checkVolume(path: string, options: FailurePercentageOptions | SuccessRateOptions): void {
  checkInteger(`${path}.minimumRequests`, options.minimumRequests, 1, mostRequests)
  checkInteger(`${path}.minimumInstances`, options.minimumInstances, 1, mostRequests)
}
