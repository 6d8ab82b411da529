import type { LoadReport } from '../instance/outcome.ts'

type MetricOf = (report: LoadReport) => number | undefined

const numbers: ReadonlyMap<string, MetricOf> = new Map<string, MetricOf>([
  ['cpu_utilization', ({ cpuUtilization }) => cpuUtilization],
  ['mem_utilization', ({ memUtilization }) => memUtilization],
  ['application_utilization', ({ applicationUtilization }) => applicationUtilization],
])

const maps: ReadonlyMap<string, (report: LoadReport) => Readonly<Record<string, number>> | undefined> = new Map<
  string,
  (report: LoadReport) => Readonly<Record<string, number>> | undefined
>([
  ['utilization', ({ utilization }) => utilization],
  ['request_cost', ({ requestCost }) => requestCost],
  ['named_metrics', ({ namedMetrics }) => namedMetrics],
])

/** Whether `name` names a metric of a load report: a field, or one of a map after a dot. */
export function isMetricName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= 256 && metricOf(name) !== undefined
}

function metricOf(name: string): MetricOf | undefined {
  const dot = name.indexOf('.')
  if (dot < 0) return numbers.get(name)
  const map = maps.get(name.slice(0, dot))
  const key = name.slice(dot + 1)
  if (map === undefined || key === '') return undefined
  return (report) => {
    const metrics = map(report)
    return metrics !== undefined && Object.hasOwn(metrics, key) ? metrics[key] : undefined
  }
}

/**
 * The utilization that a report tells: that of the application if above 0, else the largest of the given metrics, else
 * that of the CPU. `undefined`: it tells none.
 *
 * Sources: gRFC A114; Envoy's `metric_names_for_computing_utilization`.
 */
export class ReportedLoad {
  readonly #metrics: readonly MetricOf[]

  /** @param metrics names that `isMetricName` takes */
  constructor(metrics: readonly string[]) {
    this.#metrics = metrics.map(metricOf).filter((metric) => metric !== undefined)
  }

  utilization(report: LoadReport): number | undefined {
    const { applicationUtilization = 0, cpuUtilization } = report
    if (applicationUtilization > 0) return applicationUtilization
    let largest: number | undefined
    for (const metric of this.#metrics) {
      const value = metric(report)
      if (value !== undefined && !(value <= (largest ?? -1))) largest = value
    }
    return largest ?? cpuUtilization
  }
}
