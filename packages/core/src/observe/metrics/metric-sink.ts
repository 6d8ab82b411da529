import type { MetricLabels } from './metric-labels.ts'
import type { CounterName, HistogramName, ReadingName } from './metric-table.ts'

/** Where the values of metrics go. It must not change `labels`; equal ones are mostly the same object. */
export interface MetricSink {
  /** Adds `value` to a counter; 0 creates its series. */
  add(metric: CounterName, value: number, labels: MetricLabels): void
  /** Records a value of a histogram, in its unit. */
  record(metric: HistogramName, value: number, labels: MetricLabels): void
  /** No series has these labels any more: what still comes with this very object is dropped. */
  remove(labels: MetricLabels): void
}

/** Called with each current value of the metrics that are read. */
export type MetricVisitor = (metric: ReadingName, value: number, labels: MetricLabels) => void
