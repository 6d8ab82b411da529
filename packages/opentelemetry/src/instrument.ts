import type { LoadBalancer } from '@lb/core'
import { checkBoolean, checkKeys, checkLoadBalancer, rejectOption } from '@lb/core/authoring'
import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import { CallSpans } from './call-spans.ts'
import { recordInMeter } from './record-in-meter.ts'

/** Where the spans and metrics of a load balancer go. */
export interface InstrumentOptions {
  /** Makes the spans. @default the global provider, also one that is set later */
  readonly tracerProvider?: TracerProvider | undefined
  /** Takes the metrics. @default the global provider: set it before, as OpenTelemetry's API does not pass on to a later one */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * The attribute `lb.name` of metrics, which keeps load balancers with one provider apart.
   * @default 'default', then 'default-2' and so on
   */
  readonly name?: string | undefined
  /**
   * Whether metrics of attempts have the instance as `lb.instance`, and requests in flight and weights are metrics of each instance, up to
   * 1000 instances of a service. The SDK of OpenTelemetry keeps the series of an instance that is gone.
   * @default false
   */
  readonly instanceLabel?: boolean | undefined
}

/** The name of the instrumentation, of tracers and meters. */
const scope = '@lb/opentelemetry'

/**
 * Makes a span for each call of `lb` and for each of its attempts, and records its metrics, until the returned function is called or `lb`
 * is closed. The transport's own span, where the transport is instrumented, is a child of the attempt's.
 *
 *     instrument(lb)
 *
 * @throws InvalidOptionError if `lb` is instrumented with this provider already, or its name is taken
 */
export function instrument(lb: LoadBalancer, options: InstrumentOptions = {}): () => void {
  checkLoadBalancer('instrument.lb', lb)
  checkKeys('instrument', options, ['tracerProvider', 'meterProvider', 'name', 'instanceLabel'])
  const { name, instanceLabel = false } = options
  const { tracerProvider = trace.getTracerProvider(), meterProvider = metrics.getMeterProvider() } = options
  checkProvider('tracerProvider', 'getTracer', tracerProvider)
  checkProvider('meterProvider', 'getMeter', meterProvider)
  checkBoolean('instrument.instanceLabel', instanceLabel)
  const recorded = recordInMeter(lb, meterProvider.getMeter(scope), { place: meterProvider, name, instanceLabel })
  const endSpans = lb.observe(new CallSpans(tracerProvider.getTracer(scope)))
  return () => {
    endSpans()
    recorded.close()
  }
}

function checkProvider(option: string, method: string, provider: unknown): void {
  const found: unknown = typeof provider === 'object' && provider !== null ? Reflect.get(provider, method) : undefined
  if (typeof found !== 'function') rejectOption(`instrument.${option}`, `a provider with ${method}`, provider)
}
