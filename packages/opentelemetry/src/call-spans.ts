import type {
  AttemptInfo,
  AttemptObservation,
  CallInfo,
  CallObservation,
  CallObserver,
  CallResult,
  Outcome,
} from '@lb/core'
import { errorTypeOf, knownMethod, knownStatus, labelValue } from '@lb/core/authoring'
import {
  type Attributes,
  type Context,
  context,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** Makes a span for each call, and one for each of its attempts. */
export class CallSpans implements CallObserver {
  readonly #tracer: Tracer

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  startCall({ service, call, httpMethod }: CallInfo): CallObservation {
    const parent = context.active()
    const name = labelValue(service)
    const method = httpMethod === undefined ? undefined : knownMethod(httpMethod)
    const common: Attributes = {
      'server.address': name,
      ...(method === undefined ? undefined : { 'http.request.method': method }),
    }
    const options = { kind: SpanKind.CLIENT, attributes: { ...common, 'lb.call': call } }
    const span = this.#tracer.startSpan(method === undefined ? name : `${method} ${name}`, options, parent)
    return new CallSpan(this.#tracer, span, trace.setSpan(parent, span), common)
  }
}

class CallSpan implements CallObservation {
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #context: Context
  /** What the spans of the call and of its attempts have in common. */
  readonly #common: Attributes
  #latest: SpanContext | undefined

  constructor(tracer: Tracer, span: Span, within: Context, common: Attributes) {
    this.#tracer = tracer
    this.#span = span
    this.#context = within
    this.#common = common
  }

  startAttempt({ instance, number, kind }: AttemptInfo): AttemptObservation {
    const attributes: Attributes = {
      ...this.#common,
      'network.peer.address': instance.host,
      'network.peer.port': instance.port,
      'lb.instance': labelValue(instance.id),
      'lb.attempt.kind': kind,
      ...(number > 1 ? { 'http.request.resend_count': number - 1 } : undefined),
    }
    // A retry follows, and a hedge accompanies, the attempt before it.
    const links = this.#latest === undefined ? [] : [{ context: this.#latest, attributes: { 'lb.attempt.kind': kind } }]
    const span = this.#tracer.startSpan('attempt', { kind: SpanKind.CLIENT, attributes, links }, this.#context)
    this.#latest = span.spanContext()
    return new AttemptSpan(span, trace.setSpan(this.#context, span))
  }

  end(end: CallResult): void {
    const { result, queuedMs, durationMs, attempts, retries, hedges } = end
    this.#span.setAttributes({
      'lb.call.result': result,
      'lb.call.duration': durationMs / 1_000,
      'lb.call.attempts': attempts,
      ...(retries > 0 ? { 'lb.call.retries': retries } : undefined),
      ...(hedges > 0 ? { 'lb.call.hedges': hedges } : undefined),
      ...(queuedMs > 0 ? { 'lb.call.queue.duration': queuedMs / 1_000 } : undefined),
    })
    endSpan(this.#span, { ...end, failed: result === 'failed' || result === 'refused' })
  }
}

class AttemptSpan implements AttemptObservation {
  readonly #span: Span
  readonly #context: Context

  constructor(span: Span, within: Context) {
    this.#span = span
    this.#context = within
  }

  run<T>(attempt: () => T): T {
    return context.with(this.#context, attempt)
  }

  end({ ok, cancelled, statusCode, error }: Outcome): void {
    const failed = cancelled === true ? 'cancelled' : 'failed'
    this.#span.setAttribute('lb.attempt.result', ok ? 'ok' : failed)
    endSpan(this.#span, { failed: !ok && cancelled !== true, statusCode, error })
  }
}

/** Neither messages of errors nor their stacks: those may hold what no exporter must see. */
function endSpan(span: Span, end: Parameters<typeof errorTypeOf>[0]): void {
  const status = knownStatus(end.statusCode)
  const type = errorTypeOf(end)
  if (status !== undefined) span.setAttribute('http.response.status_code', status)
  if (type !== undefined) {
    span.setAttribute('error.type', type)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}
