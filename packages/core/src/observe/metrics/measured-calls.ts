import { boundedLatencyMs } from '../../base/latency.ts'
import type { AttemptInfo, AttemptObservation, CallObservation, CallResult } from '../call-observer.ts'
import type { MetricLabels } from './metric-labels.ts'
import type { MetricSink } from './metric-sink.ts'

/** The calls of a service: one object for all of them, so that a call allocates nothing. */
export class MeasuredCalls implements CallObservation {
  readonly #sink: MetricSink
  readonly #labels: MetricLabels
  readonly #byResult: Readonly<Record<CallResult['result'], MetricLabels>>
  readonly #attempts: (info: AttemptInfo) => AttemptObservation

  /** `attempts`: what observes an attempt of these calls. */
  constructor(sink: MetricSink, labels: MetricLabels, attempts: (info: AttemptInfo) => AttemptObservation) {
    this.#sink = sink
    this.#labels = labels
    this.#attempts = attempts
    this.#byResult = {
      ok: { ...labels, result: 'ok' },
      failed: { ...labels, result: 'failed' },
      cancelled: { ...labels, result: 'cancelled' },
      refused: { ...labels, result: 'refused' },
    }
  }

  startAttempt(info: AttemptInfo): AttemptObservation {
    return this.#attempts(info)
  }

  end({ result, durationMs, queuedMs, retries, hedges }: CallResult): void {
    const sink = this.#sink
    const labels = this.#labels
    sink.record('lb.client.call.duration', boundedLatencyMs(durationMs) / 1_000, this.#byResult[result])
    if (queuedMs > 0) sink.record('lb.client.call.queue.duration', boundedLatencyMs(queuedMs) / 1_000, labels)
    if (retries > 0) sink.record('lb.client.call.retries', retries, labels)
    if (hedges > 0) sink.record('lb.client.call.hedges', hedges, labels)
  }

  remove(): void {
    for (const labels of Object.values(this.#byResult)) this.#sink.remove(labels)
  }
}
