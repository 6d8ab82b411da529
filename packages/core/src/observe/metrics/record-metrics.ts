import { type Clock, systemClock } from '../../base/clock.ts'
import type { CallInfo, CallObservation, CallObserver } from '../call-observer.ts'
import type { LoadBalancerEvent, LoadBalancerListener } from '../events.ts'
import type { ServiceSnapshot } from '../snapshot.ts'
import { claimName } from './load-balancer-name.ts'
import { MeasuredService, type MeasuredServiceOptions } from './measured-service.ts'
import type { MetricLabels } from './metric-labels.ts'
import type { MetricSink, MetricVisitor } from './metric-sink.ts'

/** What is asked of a load balancer. */
export interface MeasuredLoadBalancer {
  /** Names of the services that are configured. */
  readonly configuredServices: ReadonlySet<string>
  /** The current state of every service. */
  inspect(): readonly ServiceSnapshot[]
  inspect(service: string): ServiceSnapshot
  /** Calls `listener` with events of these types. */
  subscribe(listener: LoadBalancerListener, types: readonly LoadBalancerEvent['type'][]): () => void
  /** Calls `observer` at the begin of each call. */
  observe(observer: CallObserver): () => void
}

/** How the metrics of a load balancer are recorded. */
export interface RecordMetricsOptions {
  /** The function that the application called, for errors: `collectMetrics`. */
  readonly path: string
  /** Where names of load balancers must differ: a registry, a provider of meters. */
  readonly place: object
  /** The label `lb.name`. @default `default`, then `default-2` and so on */
  readonly name?: string | undefined
  /** Whether attempts, requests in flight and weights have a series for each instance. */
  readonly instanceLabel: boolean
  /** Whether `http.client.request.duration` is recorded. */
  readonly http: boolean
  /** Called once, when the recording has ended. */
  readonly onClose: () => void
  /** @default the system's clock */
  readonly clock?: Clock | undefined
}

/** The metrics of one load balancer while they are recorded. */
export interface RecordedMetrics {
  /** Calls `visit` with every current value of the metrics that are read. */
  read(visit: MetricVisitor): void
  /** Ends the recording: every series is removed. */
  close(): void
}

const types = [
  'call-refused',
  'closed',
  'discovery-failed',
  'instance-ejected',
  'instance-rejected',
  'instances-changed',
  'retry-budget-exhausted',
  'service-released',
] as const satisfies readonly LoadBalancerEvent['type'][]

type RecordedEvent = Extract<LoadBalancerEvent, { readonly type: (typeof types)[number] }>

/**
 * Records the metrics of the table for `lb` in `sink`, until `close()` or until `lb` is closed. Names that no list was ever known of,
 * which may come from requests, share one label.
 *
 * @throws InvalidOptionError if `lb` is recorded in the same place already, or `name` is taken
 */
export function recordMetrics(
  lb: MeasuredLoadBalancer,
  sink: MetricSink,
  options: RecordMetricsOptions,
): RecordedMetrics {
  const claimed = claimName(options.place, lb, options.path, options.name)
  const recorder = new MetricsRecorder(lb, sink, { ...options, name: claimed.name })
  const stops = [lb.subscribe((event) => recorder.receive(event), types), lb.observe(recorder)]
  recorder.onClosed = () => {
    for (const stop of stops) stop()
    claimed.release()
    options.onClose()
  }
  return recorder
}

class MetricsRecorder implements RecordedMetrics, CallObserver {
  onClosed: (() => void) | undefined
  readonly #lb: MeasuredLoadBalancer
  readonly #clock: Clock
  readonly #labels: MetricLabels
  readonly #options: MeasuredServiceOptions
  readonly #services = new Map<string, MeasuredService>()
  readonly #unknown: MeasuredService
  #closed = false

  constructor(lb: MeasuredLoadBalancer, sink: MetricSink, options: RecordMetricsOptions & { readonly name: string }) {
    this.#lb = lb
    this.#clock = options.clock ?? systemClock
    const { instanceLabel, http } = options
    this.#labels = { 'lb.name': options.name }
    this.#options = { sink, labels: this.#labels, instanceLabel, http }
    this.#unknown = new MeasuredService('(unknown)', this.#options)
    sink.add('lb.services.released', 0, this.#labels)
  }

  startCall({ service, httpMethod }: CallInfo): CallObservation {
    const known = this.#services.get(service)
    if (known !== undefined) return known.callsOf(httpMethod)
    // The first list may come while it waits.
    const found = (): CallObservation => (this.#known(service) ?? this.#unknown).callsOf(httpMethod)
    return { startAttempt: (info) => found().startAttempt(info), end: (result) => found().end(result) }
  }

  receive(event: LoadBalancerEvent): void {
    if (this.#closed || !isRecorded(event)) return
    if (event.type === 'closed') this.close()
    else if (event.type === 'service-released') this.#released(event.service)
    else count(event, this.#known(event.service) ?? this.#unknown)
  }

  read(visit: MetricVisitor): void {
    if (this.#closed) return
    const nowMs = this.#clock.now()
    for (const snapshot of this.#lb.inspect()) {
      if (snapshot.status !== 'unused') this.#known(snapshot.service, snapshot)?.read(snapshot, nowMs, visit)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const each of this.#services.values()) each.remove()
    this.#services.clear()
    this.#unknown.remove()
    this.#options.sink.remove(this.#labels)
    this.onClosed?.()
  }

  #released(service: string): void {
    this.#options.sink.add('lb.services.released', 1, this.#labels)
    this.#services.get(service)?.remove()
    this.#services.delete(service)
  }

  /** The series of `service`; `undefined` for a name that is not configured and that no list was known of. */
  #known(service: string, snapshot?: ServiceSnapshot): MeasuredService | undefined {
    const known = this.#services.get(service)
    if (known !== undefined || this.#closed) return known
    const isConfigured = this.#lb.configuredServices.has(service)
    if (!isConfigured && (snapshot ?? this.#lb.inspect(service)).instances.length === 0) return undefined
    const measured = new MeasuredService(service, this.#options)
    this.#services.set(service, measured)
    measured.begin()
    return measured
  }
}

/** Counts what happened to a service. */
function count(
  event: Exclude<RecordedEvent, { readonly type: 'closed' | 'service-released' }>,
  of: MeasuredService,
): void {
  if (event.type === 'instances-changed') of.changed(event)
  else if (event.type === 'instance-ejected') of.ejected(event)
  else if (event.type === 'call-refused') of.refused(event.because)
  else if (event.type === 'instance-rejected') of.count('lb.discovery.list.rejected')
  else if (event.type === 'discovery-failed') of.count('lb.discovery.failures')
  else of.count('lb.retry_budget.exhausted')
}

function isRecorded(event: LoadBalancerEvent): event is RecordedEvent {
  return types.some((type) => type === event.type)
}
