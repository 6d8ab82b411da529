import type {
  AttemptInfo,
  AttemptObservation,
  CallInfo,
  CallObservation,
  CallObserver,
  CallResult,
  Outcome,
  ServiceInstance,
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

/** Services whose attributes are remembered; with more of them, they are made anew. */
const maxServices = 1_000

/** What the spans of all calls of a service with one method have in common, with those of their attempts. */
interface CommonOfCalls {
  /** The name of the spans. */
  readonly name: string
  readonly attributes: Attributes
}

/** Makes a span for each call, and one for each of its attempts. */
export class CallSpans implements CallObserver {
  readonly #tracer: Tracer
  readonly #common = new Map<string, CommonOfCalls>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  startCall({ service, call, httpMethod }: CallInfo): CallObservation {
    const parent = context.active()
    const common = this.#commonOf(service, httpMethod)
    const options = { kind: SpanKind.CLIENT, attributes: { ...common.attributes, 'lb.call': call } }
    const span = this.#tracer.startSpan(common.name, options, parent)
    return new CallSpan(this.#tracer, span, trace.setSpan(parent, span), common.attributes)
  }

  #commonOf(service: string, httpMethod: string | undefined): CommonOfCalls {
    const method = httpMethod === undefined ? undefined : knownMethod(httpMethod)
    const key = `${method ?? ''} ${service}`
    const known = this.#common.get(key)
    if (known !== undefined) return known
    const name = labelValue(service)
    const common: CommonOfCalls = {
      name: method === undefined ? name : `${method} ${name}`,
      attributes: {
        'server.address': name,
        ...(method === undefined ? undefined : { 'http.request.method': method }),
      },
    }
    if (this.#common.size >= maxServices) this.#common.clear()
    this.#common.set(key, common)
    return common
  }
}

const attributesOf = new WeakMap<ServiceInstance, Attributes>()

/** What the spans of all attempts on `instance` have in common. */
function instanceAttributes(instance: ServiceInstance): Attributes {
  let attributes = attributesOf.get(instance)
  if (attributes === undefined) {
    const { host, port, id } = instance
    attributes = { 'network.peer.address': host, 'network.peer.port': port, 'lb.instance': labelValue(id) }
    attributesOf.set(instance, attributes)
  }
  return attributes
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
      ...instanceAttributes(instance),
      'lb.attempt.kind': kind,
      ...(number > 1 ? { 'http.request.resend_count': number - 1 } : undefined),
    }
    // A retry follows, and a hedge accompanies, the attempt before it.
    const links = this.#latest && { links: [{ context: this.#latest, attributes: { 'lb.attempt.kind': kind } }] }
    const span = this.#tracer.startSpan('attempt', { kind: SpanKind.CLIENT, attributes, ...links }, this.#context)
    this.#latest = span.spanContext()
    return new AttemptSpan(span, trace.setSpan(this.#context, span))
  }

  end(end: CallResult): void {
    // One that is not sampled takes nothing.
    if (!this.#span.isRecording()) {
      this.#span.end()
      return
    }
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
    if (!this.#span.isRecording()) {
      this.#span.end()
      return
    }
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
