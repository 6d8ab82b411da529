import { checkNumber, rejectOption } from '../base/option-checks.ts'
import {
  type DefaultedOption,
  durationOption,
  numberOption,
  type OptionTable,
  objectOption,
} from '../base/option-table.ts'
import { type LoadReportPollOptions, loadReportPollTable } from './poll-options.ts'
import { isMetricName } from './reported-load.ts'

/** How weights are learnt from the load that instances report. */
export interface LoadReportOptions {
  /**
   * Asks each instance for its report, by the request header `endpoint-load-metrics-format`, for servers that send none
   * unasked (vLLM, Triton). `true` is `text`, in small letters, as Triton compares them exactly.
   * @default false
   */
  readonly request?: boolean | 'text' | 'json' | undefined
  /**
   * The metrics that count as utilization, such as `named_metrics.kv_cache_usage_perc` or `mem_utilization`: the largest
   * of those in the report, if that says nothing of `application_utilization`. With none of them, `cpu_utilization`
   * counts. At most 16 names. Without `metrics`, a report counts only if it has the requests per second, too.
   * @default []
   */
  readonly metrics?: readonly string[] | undefined
  /**
   * An instance counts as overloaded if its utilization is above this multiple of the median of the fleet, from 1 to
   * 1 000: it then has the least weight, a tenth of the median. It takes three instances that report, and a utilization
   * above 0.05.
   * @default false
   */
  readonly overloadRatio?: number | false | undefined
  /** Also asks instances beside the calls, for clients with few calls. @default false */
  readonly poll?: LoadReportPollOptions | false | undefined
  /** How long an instance must have reported before its weight is used, in milliseconds. @default 10_000 */
  readonly blackoutMs?: number | undefined
  /** How long a report counts, in milliseconds, ≥ 1. @default 180_000 */
  readonly expiryMs?: number | undefined
  /**
   * How much failed requests lower the weight, from 0 to 1 000. With 1, failing every request counts like a fully used
   * CPU; with 0, failures do not count.
   * @default 1
   */
  readonly errorUtilizationPenalty?: number | undefined
  /** Shortest time between changes of the weights, in milliseconds, ≥ 100. @default 1_000 */
  readonly updateMs?: number | undefined
}

const requestOption: DefaultedOption<boolean | 'text' | 'json'> = {
  legal: "boolean, 'text' or 'json'",
  default: false,
  check: (path, given) => {
    if (given === undefined || typeof given === 'boolean' || given === 'text' || given === 'json') return
    rejectOption(path, "true, false, 'text' or 'json'", given)
  },
}

const mostMetrics = 16

const metricsOption: DefaultedOption<readonly string[]> = {
  legal: 'array of at most 16 names of metrics',
  default: [],
  copied: true,
  check: (path, given) => {
    if (given === undefined) return
    if (!Array.isArray(given) || given.length > mostMetrics) rejectOption(path, 'an array of at most 16 names', given)
    for (const [index, name] of given.entries()) {
      if (isMetricName(name)) continue
      rejectOption(
        `${path}[${index}]`,
        'cpu_utilization, mem_utilization, application_utilization, or utilization.NAME, request_cost.NAME, named_metrics.NAME',
        name,
      )
    }
  },
}

const overloadRatioOption: DefaultedOption<number | false> = {
  legal: 'number in [1, 1000], or false',
  default: false,
  check: (path, given) => {
    if (given !== false) checkNumber(path, given, 1, 1_000)
  },
}

export const loadReportTable: OptionTable<LoadReportOptions> = {
  request: requestOption,
  metrics: metricsOption,
  overloadRatio: overloadRatioOption,
  poll: objectOption(loadReportPollTable, false),
  blackoutMs: durationOption({ default: 10_000 }),
  expiryMs: durationOption({ min: 1, default: 180_000 }),
  errorUtilizationPenalty: numberOption({ max: 1_000, default: 1 }),
  updateMs: durationOption({ min: 100, default: 1_000 }),
}

/** The format of the reports that requests ask for; `undefined`: they do not ask. */
export function requestedFormat({ request = false }: LoadReportOptions): 'text' | 'json' | undefined {
  if (request === true) return 'text'
  return request === false ? undefined : request
}
