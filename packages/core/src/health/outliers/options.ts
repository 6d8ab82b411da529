import {
  type Complete,
  checkBoolean,
  checkDurationMs,
  checkInteger,
  checkKeys,
  checkNumber,
} from '../../base/option-checks.ts'
import { checkNoAnswerOptions, type NoAnswerOptions } from './answer-watch.ts'

/** How failing instances are taken out of use. Every field has a default; `false` turns a detector off. */
export interface OutlierDetectionOptions {
  /** So many connections in a row that failed eject an instance. Default 5. */
  readonly consecutiveConnectErrors?: number | false | undefined
  /** So many 5xx answers in a row eject an instance. Default 5. */
  readonly consecutiveServerErrors?: number | false | undefined
  /** Judges each instance by the part of its requests that failed within an interval. */
  readonly failurePercentage?: FailurePercentageOptions | false | undefined
  /** Compares the instances of a service with each other. Blind in small services: it only ever stands beside the others. */
  readonly successRate?: SuccessRateOptions | false | undefined
  /** Instances that take requests and answer nothing at all. Judged by the load balancer; see `NoAnswerOptions`. */
  readonly noAnswer?: NoAnswerOptions | false | undefined
  /**
   * Milliseconds over which requests are counted, and after which a run of failures without a new one is forgotten.
   * The multiplier of the ejection time falls by 1 after each such time in use. Default 10 000.
   */
  readonly intervalMs?: number | undefined
  /** Length of the first ejection, in milliseconds; of the n-th, n times that. Default 30 000. */
  readonly baseEjectionMs?: number | undefined
  /**
   * Length of the first ejection after connections that failed at once (refused, reset), in milliseconds: to try again
   * costs next to nothing. As long as probes fail so, it grows with the outage, to an eighth of it; of the n-th, the
   * least is n times this. Default 1 000; never above `baseEjectionMs`.
   */
  readonly connectBaseEjectionMs?: number | undefined
  /** No ejection is longer than this (or `baseEjectionMs`, if that is more), in milliseconds. Default 300 000. */
  readonly maxEjectionMs?: number | undefined
  /** Part of each ejection and interval that is random, in [0, 1]; they only ever get shorter. Default 0.1. */
  readonly jitter?: number | undefined
  /**
   * Most instances ejected at once, in percent of those known. At least one may be, however few there are, except
   * with 0; the last usable one never is. Default 10.
   */
  readonly maxEjectionPercent?: number | undefined
  /** `false` ejects nobody, and only tells who would have been. Default true. */
  readonly enforce?: boolean | undefined
}

export interface FailurePercentageOptions {
  /** In percent, in [1, 100]. Default 85. */
  readonly threshold?: number | undefined
  /** An instance with fewer requests within the interval is not judged. Default 50. */
  readonly minimumRequests?: number | undefined
  /** With fewer instances that have enough requests, none is judged. Default 1: it needs no company. */
  readonly minimumInstances?: number | undefined
}

export interface SuccessRateOptions {
  /** An instance is an outlier when its rate is so many standard deviations below the mean, in [0, 100]. Default 1.9. */
  readonly standardDeviations?: number | undefined
  /** An instance with fewer requests within the interval is left out. Default 100. */
  readonly minimumRequests?: number | undefined
  /** With fewer instances that have enough requests, none is judged. Default 5. */
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
