import type { EjectionReason } from '../../health/outliers/ejection.ts'
import type { AttemptInfo, CallObservation } from '../call-observer.ts'
import type { LoadBalancerEvent } from '../events.ts'
import type { InstanceSnapshot, InstanceState, ServiceSnapshot } from '../snapshot.ts'
import { Imbalance } from './imbalance.ts'
import { labelValue } from './label-value.ts'
import { MeasuredAttempts } from './measured-attempts.ts'
import { MeasuredCalls } from './measured-calls.ts'
import { MeasuredHttpCalls } from './measured-http-calls.ts'
import type { MetricLabels } from './metric-labels.ts'
import type { MetricSink, MetricVisitor } from './metric-sink.ts'

/** What of a load balancer's calls is measured, and under which labels. */
export interface MeasuredServiceOptions {
  readonly sink: MetricSink
  /** The labels of all series of the load balancer. */
  readonly labels: MetricLabels
  /** Whether there is a series for each instance where the table says so. */
  readonly instanceLabel: boolean
  /** Whether `http.client.request.duration` is recorded. */
  readonly http: boolean
}

/** Instances beyond this number share one label. */
const maxInstances = 1_000

// Records, so that the compiler misses none.
const states: Readonly<Record<InstanceState, true>> = {
  available: true,
  standby: true,
  drained: true,
  unhealthy: true,
  ejected: true,
  'half-open': true,
  draining: true,
}

const reasons: Readonly<Record<EjectionReason, true>> = {
  'consecutive-connect-errors': true,
  'consecutive-server-errors': true,
  'failure-percentage': true,
  'success-rate': true,
  'no-answer': true,
  'failed-probe': true,
}

const refusals: Readonly<Record<Refusal, true>> = {
  'queue-full': true,
  'queue-timeout': true,
  shed: true,
  'too-late': true,
  throttled: true,
}

const changes = { added: true, removed: true, updated: true } as const

type Refusal = Extract<LoadBalancerEvent, { readonly type: 'call-refused' }>['because']
type InstancesChanged = Extract<LoadBalancerEvent, { readonly type: 'instances-changed' }>
type InstanceEjected = Extract<LoadBalancerEvent, { readonly type: 'instance-ejected' }>

/** The labels of a series for each of `values`. */
function labelled(values: object, labelsOf: (value: string) => MetricLabels): ReadonlyMap<string, MetricLabels> {
  return new Map(Object.keys(values).map((value) => [value, labelsOf(value)]))
}

/** The series of one service. Their labels are made once, so that recording a value allocates none. */
export class MeasuredService {
  readonly labels: MetricLabels
  readonly #sink: MetricSink
  readonly #instanceLabel: boolean
  readonly #calls: MeasuredCalls
  readonly #attempts: MeasuredAttempts
  readonly #http: MeasuredHttpCalls | undefined
  readonly #instances = new Map<string, MeasuredAttempts>()
  /** Of all instances beyond `maxInstances`. */
  readonly #others: MeasuredAttempts
  readonly #imbalance = new Imbalance()
  readonly #byState: ReadonlyMap<string, MetricLabels>
  readonly #byRefusal: ReadonlyMap<string, MetricLabels>
  readonly #byChange: ReadonlyMap<string, MetricLabels>
  readonly #enforced: ReadonlyMap<string, MetricLabels>
  readonly #reported: ReadonlyMap<string, MetricLabels>

  constructor(service: string, options: MeasuredServiceOptions) {
    const { sink, http, instanceLabel } = options
    const labels = { ...options.labels, 'lb.service': labelValue(service) }
    this.labels = labels
    this.#sink = sink
    this.#instanceLabel = instanceLabel
    this.#calls = new MeasuredCalls(sink, labels, (info) => this.#attemptsOn(info))
    this.#attempts = new MeasuredAttempts(sink, labels)
    this.#others = new MeasuredAttempts(sink, { ...labels, 'lb.instance': '(other)' })
    this.#http = http ? new MeasuredHttpCalls(sink, labels['lb.service'], this.#calls) : undefined
    this.#byState = labelled(states, (state) => ({ ...labels, state }))
    this.#byRefusal = labelled(refusals, (reason) => ({ ...labels, reason }))
    this.#byChange = labelled(changes, (change) => ({ ...labels, change }))
    this.#enforced = labelled(reasons, (reason) => ({ ...labels, reason, enforced: true }))
    this.#reported = labelled(reasons, (reason) => ({ ...labels, reason, enforced: false }))
  }

  /** What observes a call. */
  callsOf(httpMethod: string | undefined): CallObservation {
    return httpMethod === undefined || this.#http === undefined ? this.#calls : this.#http.of(httpMethod)
  }

  /** Creates the series of its counters: a total that begins with 1 shows no increase. */
  begin(): void {
    const sink = this.#sink
    for (const labels of this.#byRefusal.values()) sink.add('lb.client.call.refusals', 0, labels)
    for (const labels of this.#byChange.values()) sink.add('lb.discovery.list.changes', 0, labels)
    for (const byReason of [this.#enforced, this.#reported]) {
      for (const labels of byReason.values()) sink.add('lb.outlier_detection.ejections', 0, labels)
    }
    sink.add('lb.outlier_detection.ejections_overflow', 0, this.labels)
    sink.add('lb.retry_budget.exhausted', 0, this.labels)
    sink.add('lb.discovery.list.rejected', 0, this.labels)
    sink.add('lb.discovery.failures', 0, this.labels)
  }

  refused(reason: Refusal): void {
    this.#sink.add('lb.client.call.refusals', 1, this.#byRefusal.get(reason) ?? this.labels)
  }

  ejected({ reason, enforced, unenforcedBecause }: InstanceEjected): void {
    const labels = (enforced ? this.#enforced : this.#reported).get(reason) ?? this.labels
    this.#sink.add('lb.outlier_detection.ejections', 1, labels)
    if (unenforcedBecause === 'cap' || unenforcedBecause === 'last-usable')
      this.#sink.add('lb.outlier_detection.ejections_overflow', 1, this.labels)
  }

  changed(event: InstancesChanged): void {
    const { added, removed, updated } = event
    for (const [change, { length }] of Object.entries({ added, removed, updated })) {
      if (length > 0) this.#sink.add('lb.discovery.list.changes', length, this.#byChange.get(change) ?? this.labels)
    }
  }

  /** What has no labels but the service's. */
  count(metric: 'lb.retry_budget.exhausted' | 'lb.discovery.list.rejected' | 'lb.discovery.failures'): void {
    this.#sink.add(metric, 1, this.labels)
  }

  /** Calls `visit` with every current value of `snapshot`. */
  read(snapshot: ServiceSnapshot, nowMs: number, visit: MetricVisitor): void {
    const { instances, status, inFlight, adaptiveLimit, queued, listAgeMs, retryBudget, panic, overrides } = snapshot
    const { labels } = this
    for (const [state, ofState] of this.#byState) {
      visit('lb.instances', instances.filter((each) => each.state === state).length, ofState)
    }
    visit('lb.candidates', instances.filter(({ candidate }) => candidate).length, labels)
    visit('lb.in_flight', inFlight, labels)
    if (adaptiveLimit !== undefined) visit('lb.limit', adaptiveLimit, labels)
    visit('lb.queued', queued, labels)
    visit('lb.overrides', overrides.length, labels)
    visit('lb.panic', panic === undefined ? 0 : 1, labels)
    visit('lb.discovery.list.stale', status === 'stale' || status === 'expired' ? 1 : 0, labels)
    if (Number.isFinite(listAgeMs)) visit('lb.discovery.list.age', Math.max(0, listAgeMs) / 1_000, labels)
    if (retryBudget !== undefined) visit('lb.retry_budget', retryBudget, labels)
    const imbalance = this.#imbalance.measure(instances, nowMs)
    if (imbalance !== undefined) visit('lb.imbalance', imbalance, labels)
    if (!this.#instanceLabel) return
    this.#keepInstances(instances)
    for (const each of instances) {
      const own = this.#instance(each.instance.id)
      if (own === this.#others) continue
      visit('lb.instance.in_flight', each.inFlight, own.labels)
      if (each.adaptiveLimit !== undefined) visit('lb.instance.limit', each.adaptiveLimit, own.labels)
      visit('lb.instance.weight', each.effectiveWeight, own.labels)
    }
  }

  /** Ends every series. */
  remove(): void {
    this.#keepInstances([])
    this.#http?.remove()
    this.#attempts.remove()
    this.#others.remove()
    this.#calls.remove()
    for (const group of [this.#byState, this.#byRefusal, this.#byChange, this.#enforced, this.#reported]) {
      for (const labels of group.values()) this.#sink.remove(labels)
    }
    this.#sink.remove(this.labels)
  }

  /** Ends the series of all instances but these. */
  #keepInstances(instances: readonly InstanceSnapshot[]): void {
    const ids = new Set(instances.map(({ instance }) => instance.id))
    for (const [id, attempts] of this.#instances) {
      if (ids.has(id)) continue
      attempts.remove()
      this.#instances.delete(id)
    }
  }

  #attemptsOn({ instance }: AttemptInfo): MeasuredAttempts {
    return this.#instanceLabel ? this.#instance(instance.id) : this.#attempts
  }

  #instance(id: string): MeasuredAttempts {
    const known = this.#instances.get(id)
    if (known !== undefined) return known
    if (this.#instances.size >= maxInstances) return this.#others
    const attempts = new MeasuredAttempts(this.#sink, { ...this.labels, 'lb.instance': labelValue(id) })
    this.#instances.set(id, attempts)
    return attempts
  }
}
