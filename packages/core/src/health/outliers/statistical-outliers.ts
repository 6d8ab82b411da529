import type { OutlierDetectionSettings } from './options.ts'

/** What was counted of one instance within an interval. */
export interface RequestCounts {
  readonly requests: number
  /** Those of them that failed. */
  readonly failures: number
}

export interface StatisticalOutlier<Subject> {
  readonly subject: Subject
  readonly reason: 'failure-percentage' | 'success-rate'
  /** For people. */
  readonly detail: string
}

type Settings = Pick<OutlierDetectionSettings, 'failurePercentage' | 'successRate'>

// Rates are fractions: what is below by rounding is not below.
const rounding = 1e-9

/**
 * Those whose requests of one interval give them away, the worst first, each once.
 *
 * - Failure percentage: at least `threshold` % of its requests failed, whatever the others do.
 * - Success rate: below mean − k·σ over the instances with enough requests. With k of n dead, those are
 *   sqrt((n − k)/k) deviations away: 1 of 4 never reaches 1.9, which is why the other detectors stand beside it. And σ
 *   is taken for no less than what chance alone does to a rate, sqrt(p(1 − p)/requests): among instances without a
 *   failure, a single one would make an outlier.
 *
 * Source: Envoy's outlier detection, gRFC A50; the least σ is the standard error of a proportion.
 */
export function statisticalOutliers<Subject extends RequestCounts>(
  subjects: readonly Subject[],
  { failurePercentage, successRate }: Settings,
): StatisticalOutlier<Subject>[] {
  const byPercentage = failurePercentage === undefined ? [] : failing(subjects, failurePercentage)
  const known = new Set(byPercentage.map(({ subject }) => subject))
  const byRate = successRate === undefined ? [] : lagging(subjects, successRate)
  const outliers = [...byPercentage, ...byRate.filter(({ subject }) => !known.has(subject))]
  return outliers.sort((a, b) => rateOf(a.subject) - rateOf(b.subject))
}

function failing<Subject extends RequestCounts>(
  subjects: readonly Subject[],
  { threshold, minimumRequests, minimumInstances }: NonNullable<Settings['failurePercentage']>,
): StatisticalOutlier<Subject>[] {
  const judged = subjects.filter(({ requests }) => requests >= minimumRequests)
  if (judged.length < minimumInstances) return []
  return judged
    .filter(({ requests, failures }) => failures * 100 >= threshold * requests)
    .map((subject) => ({
      subject,
      reason: 'failure-percentage',
      detail: `${percent(1 - rateOf(subject))} of ${subject.requests} requests failed, the limit is ${threshold} %`,
    }))
}

function lagging<Subject extends RequestCounts>(
  subjects: readonly Subject[],
  { standardDeviations, minimumRequests, minimumInstances }: NonNullable<Settings['successRate']>,
): StatisticalOutlier<Subject>[] {
  const judged = subjects.filter(({ requests }) => requests >= minimumRequests)
  if (judged.length < minimumInstances) return []
  const mean = judged.reduce((sum, counts) => sum + rateOf(counts), 0) / judged.length
  const variance = judged.reduce((sum, counts) => sum + (rateOf(counts) - mean) ** 2, 0) / judged.length
  const limitOf = ({ requests }: RequestCounts): number =>
    mean - standardDeviations * Math.sqrt(Math.max(variance, (mean * (1 - mean)) / requests))
  return judged
    .filter((counts) => rateOf(counts) < limitOf(counts) - rounding)
    .map((subject) => ({
      subject,
      reason: 'success-rate',
      detail:
        `${percent(rateOf(subject))} of ${subject.requests} requests succeeded, ` +
        `the limit is ${percent(limitOf(subject))} where the mean of ${judged.length} instances is ${percent(mean)}`,
    }))
}

function rateOf({ requests, failures }: RequestCounts): number {
  return (requests - failures) / requests
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(2))} %`
}
