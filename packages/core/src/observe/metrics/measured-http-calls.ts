import { boundedLatencyMs } from '../../base/latency.ts'
import type { CallObservation, CallResult } from '../call-observer.ts'
import { ErrorTypes, errorTypeOf, knownStatus } from './error-types.ts'
import { knownMethod } from './http-method.ts'
import type { MetricLabels } from './metric-labels.ts'
import type { MetricSink } from './metric-sink.ts'

/** The HTTP calls of a service, by their method: besides what is measured of every call, `http.client.request.duration`. */
export class MeasuredHttpCalls {
  readonly #sink: MetricSink
  readonly #service: string
  readonly #calls: CallObservation
  readonly #byMethod = new Map<string, CallObservation>()
  readonly #labels = new Map<string, MetricLabels>()
  readonly #errorTypes = new ErrorTypes()

  /** `service` is a value of a label; `calls` measures what every call has. */
  constructor(sink: MetricSink, service: string, calls: CallObservation) {
    this.#sink = sink
    this.#service = service
    this.#calls = calls
  }

  /** What observes a call with this method. */
  of(httpMethod: string): CallObservation {
    const method = knownMethod(httpMethod)
    const known = this.#byMethod.get(method)
    if (known !== undefined) return known
    const calls = this.#calls
    const observation: CallObservation = {
      startAttempt: (info) => calls.startAttempt(info),
      end: (result) => {
        calls.end(result)
        const value = boundedLatencyMs(result.durationMs) / 1_000
        this.#sink.record('http.client.request.duration', value, this.#labelsOf(method, result))
      },
    }
    this.#byMethod.set(method, observation)
    return observation
  }

  remove(): void {
    for (const labels of this.#labels.values()) this.#sink.remove(labels)
  }

  #labelsOf(method: string, { result, statusCode, error }: CallResult): MetricLabels {
    const failed = result === 'failed' || result === 'refused'
    const type = this.#errorTypes.bounded(errorTypeOf({ failed, statusCode, error }))
    const status = knownStatus(statusCode)
    const key = `${method} ${status} ${type}`
    const known = this.#labels.get(key)
    if (known !== undefined) return known
    const labels: MetricLabels = {
      'server.address': this.#service,
      'http.request.method': method,
      ...(status === undefined ? undefined : { 'http.response.status_code': status }),
      ...(type === undefined ? undefined : { 'error.type': type }),
    }
    this.#labels.set(key, labels)
    return labels
  }
}
