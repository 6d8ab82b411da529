import { setTimeout as delay } from 'node:timers/promises'
import { context, propagation, SpanKind } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

/** A trace that has ended. */
export interface EndedTrace {
  /** Its number, as instances get it. */
  readonly traceparent: string
  /** Its spans, as lines of text. */
  readonly tree: string
}

/** OpenTelemetry's SDK with the spans in memory. */
export class Traces {
  readonly #exporter = new InMemorySpanExporter()
  readonly provider: TracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: this.#exporter })],
  })

  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    new UndiciInstrumentation().setTracerProvider(this.provider)
  }

  /** The trace whose first span has this name, once that has ended. */
  async ended(name: string): Promise<EndedTrace> {
    for (;;) {
      const spans = this.#exporter.getFinishedSpans()
      const first = spans.find((span) => span.name === name)
      if (first !== undefined) return { traceparent: first.spanContext().traceId, tree: lines(first, spans).join('\n') }
      await delay(5)
    }
  }
}

function lines(span: ReadableSpan, all: readonly ReadableSpan[], depth = 1): string[] {
  const below = all.filter(({ parentSpanContext }) => parentSpanContext?.spanId === span.spanContext().spanId)
  const shown = ['server.address', 'lb.call.result', 'lb.attempt.kind', 'http.response.status_code']
  const facts = shown.flatMap((key) => (key in span.attributes ? String(span.attributes[key]) : []))
  const own = `${'  '.repeat(depth)}${span.name} (${SpanKind[span.kind]}): ${facts.join(', ')}`
  return [own, ...below.flatMap((each) => lines(each, all, depth + 1))]
}
