import { type Attributes, context, propagation } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { MeterProvider, type MetricData, MetricReader } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

class Reader extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve()
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve()
  }
}

/** One series of a metric: of a histogram, how many values it has, and their sum. */
export interface Point {
  readonly attributes: Attributes
  readonly value: number | { readonly count: number; readonly sum: number }
}

/** An SDK whose spans and metrics stay in memory. */
export class Telemetry implements Disposable {
  readonly #exporter = new InMemorySpanExporter()
  readonly #reader = new Reader()
  readonly tracerProvider: TracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: this.#exporter })],
  })
  readonly meterProvider: MeterProvider = new MeterProvider({ readers: [this.#reader] })

  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  }

  /** The options of `instrument`. */
  get providers(): Pick<Telemetry, 'tracerProvider' | 'meterProvider'> {
    const { tracerProvider, meterProvider } = this
    return { tracerProvider, meterProvider }
  }

  /** The spans that have ended, by their names, in the order of their ends. */
  spans(name?: string): ReadableSpan[] {
    return this.#exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name)
  }

  /** Every metric that has values. */
  async metrics(): Promise<ReadonlyMap<string, MetricData>> {
    const { resourceMetrics, errors } = await this.#reader.collect()
    if (errors.length > 0) throw new AggregateError(errors)
    return new Map(
      resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics).map((each) => [each.descriptor.name, each]),
    )
  }

  /** The series of one metric. */
  async points(name: string): Promise<Point[]> {
    const metric = (await this.metrics()).get(name)
    return (metric?.dataPoints ?? []).map(({ attributes, value }) => {
      if (typeof value === 'number') return { attributes, value }
      return { attributes, value: { count: value.count, sum: value.sum ?? Number.NaN } }
    })
  }

  [Symbol.dispose](): void {
    context.disable()
    propagation.disable()
  }
}

/** The kind of a span's attempt, and what it links to. */
export function childrenOf(parent: ReadableSpan | undefined, spans: readonly ReadableSpan[]): ReadableSpan[] {
  return spans.filter((span) => span.parentSpanContext?.spanId === parent?.spanContext().spanId)
}
