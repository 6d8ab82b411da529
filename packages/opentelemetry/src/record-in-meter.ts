import type { LoadBalancer } from '@lb/core'
import {
  type CounterName,
  type HistogramName,
  type Metric,
  type MetricLabels,
  type MetricSink,
  metricTable,
  type RecordedMetrics,
  recordMetrics,
} from '@lb/core/authoring'
import type { BatchObservableCallback, Counter, Histogram, Meter, MetricOptions, Observable } from '@opentelemetry/api'

/** How the metrics of a load balancer are recorded. */
interface RecordInMeterOptions {
  /** The provider of the meter. */
  readonly place: object
  readonly name: string | undefined
  readonly instanceLabel: boolean
}

/** Records the metrics of `lb`. */
export function recordInMeter(lb: LoadBalancer, meter: Meter, options: RecordInMeterOptions): RecordedMetrics {
  const observed = observables(meter, options.instanceLabel)
  const recorded: RecordedMetrics = recordMetrics(lb, new Instruments(meter), {
    ...options,
    path: 'instrument',
    http: true,
    onClose: () => meter.removeBatchObservableCallback(observe, Array.from(observed.values())),
  })
  const observe: BatchObservableCallback = (result) => {
    recorded.read((metric, value, labels) => {
      const observable = observed.get(metric)
      if (observable !== undefined) result.observe(observable, value, labels)
    })
  }
  meter.addBatchObservableCallback(observe, Array.from(observed.values()))
  return recorded
}

/** The instruments that take values as they come. */
class Instruments implements MetricSink {
  readonly #counters: ReadonlyMap<string, Counter>
  readonly #histograms: ReadonlyMap<string, Histogram>

  constructor(meter: Meter) {
    this.#counters = new Map(
      ofKind('counter').map(([name, metric]) => [name, meter.createCounter(name, advised(metric))]),
    )
    this.#histograms = new Map(
      ofKind('histogram').map(([name, metric]) => [name, meter.createHistogram(name, advised(metric))]),
    )
  }

  add(metric: CounterName, value: number, labels: MetricLabels): void {
    this.#counters.get(metric)?.add(value, labels)
  }

  record(metric: HistogramName, value: number, labels: MetricLabels): void {
    this.#histograms.get(metric)?.record(value, labels)
  }

  /** An SDK keeps what it has counted. */
  remove(): void {}
}

/** The instruments whose values are read. */
function observables(meter: Meter, instanceLabel: boolean): ReadonlyMap<string, Observable> {
  const isRead = ([, { byInstance }]: readonly [string, Metric]): boolean => instanceLabel || byInstance !== 'only'
  return new Map([
    ...ofKind('gauge')
      .filter(isRead)
      .map(([name, metric]) => [name, meter.createObservableGauge(name, advised(metric))] as const),
    ...ofKind('updown')
      .filter(isRead)
      .map(([name, metric]) => [name, meter.createObservableUpDownCounter(name, advised(metric))] as const),
  ])
}

function ofKind(kind: Metric['kind']): readonly (readonly [string, Metric])[] {
  return Object.entries<Metric>(metricTable).filter(([, metric]) => metric.kind === kind)
}

function advised({ unit, description, buckets }: Metric): MetricOptions {
  const advice = buckets === undefined ? undefined : { advice: { explicitBucketBoundaries: [...buckets] } }
  return { unit, description, ...advice }
}
