import type { CounterName, HistogramName, MetricLabels, MetricSink } from '@lb/core/authoring'
import { toPrometheus } from './prometheus-labels.ts'
import type { RegisteredMetrics } from './registered-metrics.ts'

/** The series of counters and histograms of one load balancer. */
export class Series implements MetricSink {
  readonly #metrics: RegisteredMetrics
  /** The metrics that have a series, by its labels. */
  readonly #metricsOf = new Map<MetricLabels, Set<string>>()
  readonly #removed = new WeakSet<MetricLabels>()

  constructor(metrics: RegisteredMetrics) {
    this.#metrics = metrics
  }

  add(metric: CounterName, value: number, labels: MetricLabels): void {
    if (this.#has(metric, labels)) this.#metrics.counters.get(metric)?.inc(toPrometheus(labels), value)
  }

  record(metric: HistogramName, value: number, labels: MetricLabels): void {
    if (this.#has(metric, labels)) this.#metrics.histograms.get(metric)?.observe(toPrometheus(labels), value)
  }

  remove(labels: MetricLabels): void {
    this.#removed.add(labels)
    const { counters, histograms } = this.#metrics
    for (const metric of this.#metricsOf.get(labels) ?? []) {
      const registered = counters.get(metric) ?? histograms.get(metric)
      registered?.remove(toPrometheus(labels))
    }
    this.#metricsOf.delete(labels)
  }

  /** Whether the series takes values, which it has from now on. */
  #has(metric: string, labels: MetricLabels): boolean {
    if (this.#removed.has(labels)) return false
    const metrics = this.#metricsOf.get(labels)
    if (metrics === undefined) this.#metricsOf.set(labels, new Set([metric]))
    else metrics.add(metric)
    return true
  }
}
