import type { MetricLabel } from './metric-labels.ts'

/**
 * - `counter`: a total that only rises; its values are added
 * - `histogram`: a distribution; its values are recorded
 * - `updown`: a number of things that exist now, which may be added up over processes; read
 * - `gauge`: a current value that means nothing when added up; read
 */
export type MetricKind = 'counter' | 'histogram' | 'updown' | 'gauge'

/** What a metric measures, and how. */
export interface Metric {
  /** What its values are. */
  readonly kind: MetricKind
  /** In UCUM, as in OpenTelemetry: `s`, `1` for a ratio, or what is counted, such as `{call}`; empty for a truth value. */
  readonly unit: string
  /** What it measures, as a sentence without its full stop. */
  readonly description: string
  /** What its series differ in, besides the instance where it is labelled. */
  readonly labels: readonly MetricLabel[]
  /** Where its values come from. */
  readonly source: string
  /** Upper bounds of the buckets of a histogram, in its unit. */
  readonly buckets?: readonly number[] | undefined
  /** With `instanceLabel`: each series is one instance's. `only`: the metric exists only then. */
  readonly byInstance?: 'too' | 'only' | undefined
  /** The semantic conventions of OpenTelemetry define it; @lb/prometheus leaves it to the HTTP instrumentation of the application. */
  readonly conventional?: true | undefined
}

/** In seconds: those that the semantic conventions of OpenTelemetry advise for the duration of HTTP requests. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

const perCall = [1, 2, 3, 4, 5, 10]

const ofService = ['lb.name', 'lb.service'] as const

/** A metric that counts events. */
export type CounterName =
  | 'lb.client.call.refusals'
  | 'lb.retry_budget.exhausted'
  | 'lb.outlier_detection.ejections'
  | 'lb.outlier_detection.ejections_overflow'
  | 'lb.discovery.list.changes'
  | 'lb.discovery.list.rejected'
  | 'lb.discovery.failures'
  | 'lb.services.released'

/** A metric that records a value for a call or an attempt. */
export type HistogramName =
  | 'http.client.request.duration'
  | 'lb.client.call.duration'
  | 'lb.client.call.queue.duration'
  | 'lb.client.call.retries'
  | 'lb.client.call.hedges'
  | 'lb.client.attempt.duration'

/** A metric that is read when it is collected. */
export type ReadingName =
  | 'lb.retry_budget'
  | 'lb.instances'
  | 'lb.candidates'
  | 'lb.in_flight'
  | 'lb.limit'
  | 'lb.queued'
  | 'lb.overrides'
  | 'lb.panic'
  | 'lb.imbalance'
  | 'lb.discovery.list.age'
  | 'lb.discovery.list.stale'
  | 'lb.instance.in_flight'
  | 'lb.instance.limit'
  | 'lb.instance.weight'

/** The name of a metric. */
export type MetricName = CounterName | HistogramName | ReadingName

/** Every metric, by its name in OpenTelemetry. */
export const metricTable: Readonly<Record<MetricName, Metric>> = {
  'http.client.request.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Duration of HTTP client requests',
    labels: ['server.address', 'http.request.method', 'http.response.status_code', 'error.type'],
    source: 'the end of a call whose `httpMethod` is known: from its begin to the head of its response',
    buckets: seconds,
    conventional: true,
  },
  'lb.client.call.duration': {
    kind: 'histogram',
    unit: 's',
    description:
      'Duration of calls from their begin to their result, of a response to its head, with all attempts and waits',
    labels: [...ofService, 'result'],
    source: '`call-finished`',
    buckets: seconds,
  },
  'lb.client.call.queue.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time that calls waited to be sent, of those that waited for a list or for room',
    labels: ofService,
    source: '`call-finished`',
    buckets: seconds,
  },
  'lb.client.call.retries': {
    kind: 'histogram',
    unit: '{retry}',
    description: 'Retries per call, of calls with any; the sum is the number of retries',
    labels: ofService,
    source: '`call-finished`',
    buckets: perCall,
  },
  'lb.client.call.hedges': {
    kind: 'histogram',
    unit: '{hedge}',
    description: 'Hedges per call, of calls with any; the sum is the number of hedges',
    labels: ofService,
    source: '`call-finished`',
    buckets: perCall,
  },
  'lb.client.call.refusals': {
    kind: 'counter',
    unit: '{call}',
    description: 'Calls that were refused to protect the service or the process',
    labels: [...ofService, 'reason'],
    source: '`call-refused`',
  },
  'lb.client.attempt.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Duration of attempts from their pick to their result, of a response to its head',
    labels: [...ofService, 'result'],
    source: 'the end of an attempt',
    buckets: seconds,
    byInstance: 'too',
  },
  'lb.retry_budget': {
    kind: 'gauge',
    unit: '{retry}',
    description: 'Retries that the budget allows now',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.retry_budget.exhausted': {
    kind: 'counter',
    unit: '{retry}',
    description: 'Retries that were due, but not made because the budget was spent',
    labels: ofService,
    source: '`retry-budget-exhausted`',
  },
  'lb.outlier_detection.ejections': {
    kind: 'counter',
    unit: '{ejection}',
    description: 'Ejections by their detector, also those that were only reported',
    labels: [...ofService, 'reason', 'enforced'],
    source: '`instance-ejected`',
  },
  'lb.outlier_detection.ejections_overflow': {
    kind: 'counter',
    unit: '{ejection}',
    description: 'Ejections that were not enforced because too many instances are ejected, or no other one is usable',
    labels: ofService,
    source: '`instance-ejected`, `unenforcedBecause: cap` or `last-usable`',
  },
  'lb.instances': {
    kind: 'updown',
    unit: '{instance}',
    description: 'Known instances by state',
    labels: [...ofService, 'state'],
    source: '`inspect()`',
  },
  'lb.candidates': {
    kind: 'updown',
    unit: '{instance}',
    description: 'Instances that may be picked now',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.in_flight': {
    kind: 'updown',
    unit: '{request}',
    description: 'Requests in flight',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.limit': {
    kind: 'updown',
    unit: '{request}',
    description:
      'Requests without the begin of a response that an adaptive limit allows now; no series without such a limit',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.queued': {
    kind: 'updown',
    unit: '{call}',
    description: 'Calls that wait for room',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.overrides': {
    kind: 'updown',
    unit: '{override}',
    description: 'Overrides by an operator that are in force: drained instances, weights, shares',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.panic': {
    kind: 'gauge',
    unit: '',
    description:
      '1 while health is ignored, or a priority level not used, because too few instances are healthy, else 0',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.imbalance': {
    kind: 'gauge',
    unit: '1',
    description:
      'Largest ratio, over the last one to two minutes, of the share of the requests that an instance got to that of its weight',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.discovery.list.age': {
    kind: 'gauge',
    unit: 's',
    description: 'Time since the discovery last gave a list',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.discovery.list.stale': {
    kind: 'gauge',
    unit: '',
    description: '1 while the discovery fails and its last good list is in use or has expired, else 0',
    labels: ofService,
    source: '`inspect()`',
  },
  'lb.discovery.list.changes': {
    kind: 'counter',
    unit: '{instance}',
    description: 'Instances that lists added, removed or updated',
    labels: [...ofService, 'change'],
    source: '`instances-changed`',
  },
  'lb.discovery.list.rejected': {
    kind: 'counter',
    unit: '{instance}',
    description: 'Entries of lists that cannot be used',
    labels: ofService,
    source: '`instance-rejected`',
  },
  'lb.discovery.failures': {
    kind: 'counter',
    unit: '{failure}',
    description: 'Queries of the discovery that failed',
    labels: ofService,
    source: '`discovery-failed`',
  },
  'lb.services.released': {
    kind: 'counter',
    unit: '{service}',
    description: 'Services that were forgotten: unknown names, and unused ones beyond `maxServices`',
    labels: ['lb.name'],
    source: '`service-released`',
  },
  'lb.instance.in_flight': {
    kind: 'updown',
    unit: '{request}',
    description: 'Requests in flight on an instance',
    labels: ofService,
    source: '`inspect()`',
    byInstance: 'only',
  },
  'lb.instance.limit': {
    kind: 'updown',
    unit: '{request}',
    description: 'Requests without the begin of a response that the adaptive limit of an instance allows now',
    labels: ofService,
    source: '`inspect()`',
    byInstance: 'only',
  },
  'lb.instance.weight': {
    kind: 'gauge',
    unit: '{weight}',
    description: 'Effective weight of an instance: its own, or the learnt one, times the slow start',
    labels: ofService,
    source: '`inspect()`',
    byInstance: 'only',
  },
}

/** The labels of `metric` in order; with `byInstance`, that of the instance too. */
export function labelsOf(metric: Metric, byInstance: boolean): readonly MetricLabel[] {
  return metric.byInstance !== undefined && byInstance ? [...metric.labels, 'lb.instance'] : metric.labels
}
