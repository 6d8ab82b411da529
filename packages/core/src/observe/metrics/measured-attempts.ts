import { boundedLatencyMs } from '../../base/latency.ts'
import type { Outcome } from '../../instance/outcome.ts'
import type { AttemptObservation } from '../call-observer.ts'
import type { MetricLabels } from './metric-labels.ts'
import type { MetricSink } from './metric-sink.ts'

/** The attempts of a service, or of one of its instances: one object for all of them, so that an attempt allocates nothing. */
export class MeasuredAttempts implements AttemptObservation {
  /** What every series of them has. */
  readonly labels: MetricLabels
  readonly #sink: MetricSink
  readonly #byResult: Readonly<Record<'ok' | 'failed' | 'cancelled', MetricLabels>>

  constructor(sink: MetricSink, labels: MetricLabels) {
    this.labels = labels
    this.#sink = sink
    this.#byResult = {
      ok: { ...labels, result: 'ok' },
      failed: { ...labels, result: 'failed' },
      cancelled: { ...labels, result: 'cancelled' },
    }
  }

  end({ ok, cancelled, latencyMs }: Outcome): void {
    const failed = cancelled === true ? 'cancelled' : 'failed'
    const labels = this.#byResult[ok ? 'ok' : failed]
    this.#sink.record('lb.client.attempt.duration', boundedLatencyMs(latencyMs) / 1_000, labels)
  }

  remove(): void {
    this.#sink.remove(this.labels)
    for (const labels of Object.values(this.#byResult)) this.#sink.remove(labels)
  }
}
