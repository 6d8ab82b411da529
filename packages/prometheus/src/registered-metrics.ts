import { labelsOf, type Metric, metricTable, type RecordedMetrics, rejectOption } from '@lb/core/authoring'
import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client'
import { prometheusName, underscored } from './metric-name.ts'
import { toPrometheus } from './prometheus-labels.ts'

/** A registry of prom-client, of either format. */
export type PrometheusRegistry = Registry | Registry<OpenMetricsContentType>

interface MetricConfig {
  /** In the table. */
  readonly metric: string
  /** In the registry. */
  readonly name: string
  readonly kind: Metric['kind']
  /** Kinds other than histograms ignore the buckets. */
  readonly config: {
    readonly name: string
    readonly help: string
    readonly labelNames: string[]
    readonly registers: PrometheusRegistry[]
    readonly aggregator: 'max' | 'sum'
    readonly collect: () => void
    readonly buckets: number[]
  }
}

/** The metrics of the table in one registry, under one prefix, for every load balancer that is collected there. */
export class RegisteredMetrics {
  readonly counters: ReadonlyMap<string, Counter>
  readonly histograms: ReadonlyMap<string, Histogram>
  readonly #gauges: ReadonlyMap<string, Gauge>
  readonly #registry: PrometheusRegistry
  readonly #names: readonly string[]
  readonly #collected = new Set<RecordedMetrics>()
  /** Whether the gauges were read in this turn, in which a scrape reads all metrics. */
  #isFresh = false

  /** @throws InvalidOptionError if the registry has a metric of one of the names */
  constructor(registry: PrometheusRegistry, prefix: string) {
    this.#registry = registry
    const own = Object.entries<Metric>(metricTable).filter(([, { conventional }]) => conventional !== true)
    const configs = own.map(([name, metric]) => this.#configOf(name, metric, prefix))
    this.#names = configs.map(({ name }) => name)
    const taken = this.#names.find((name) => registry.getSingleMetric(name) !== undefined)
    if (taken !== undefined) {
      const legal = `a prefix with which no name in the registry is taken: ${taken} is`
      rejectOption('collectMetrics.prefix', legal, prefix, 'Give another prefix, or a registry of its own')
    }
    const ofKinds = (...kinds: readonly Metric['kind'][]): MetricConfig[] =>
      configs.filter(({ kind }) => kinds.includes(kind))
    this.counters = new Map(ofKinds('counter').map((each) => [each.metric, new Counter(each.config)]))
    this.histograms = new Map(ofKinds('histogram').map((each) => [each.metric, new Histogram(each.config)]))
    this.#gauges = new Map(ofKinds('gauge', 'updown').map((each) => [each.metric, new Gauge(each.config)]))
  }

  /** Whether they are in the registry still, which may have been cleared. */
  get isRegistered(): boolean {
    const [name = ''] = this.#names
    return this.#registry.getSingleMetric(name) !== undefined
  }

  collect(recorded: RecordedMetrics): void {
    this.#collected.add(recorded)
  }

  /** Whether no load balancer is left; then they are not in the registry any more. */
  leave(recorded: RecordedMetrics | undefined): boolean {
    if (recorded !== undefined) this.#collected.delete(recorded)
    this.#refresh()
    if (this.#collected.size > 0) return false
    if (this.isRegistered) for (const name of this.#names) this.#registry.removeSingleMetric(name)
    return true
  }

  #configOf(metric: string, definition: Metric, prefix: string): MetricConfig {
    const { description, kind, buckets = [] } = definition
    const name = prefix + prometheusName(metric, definition)
    const config: MetricConfig['config'] = {
      name,
      help: description,
      labelNames: labelsOf(definition, true).map(underscored),
      registers: [this.#registry],
      // Of a cluster: what cannot be added up over processes is that of the worst one.
      aggregator: kind === 'gauge' ? 'max' : 'sum',
      collect: () => this.#read(),
      buckets: [...buckets],
    }
    return { metric, name, kind, config }
  }

  #read(): void {
    if (this.#isFresh) return
    this.#isFresh = true
    queueMicrotask(() => {
      this.#isFresh = false
    })
    this.#refresh()
  }

  #refresh(): void {
    for (const gauge of this.#gauges.values()) gauge.reset()
    for (const recorded of this.#collected) {
      recorded.read((metric, value, labels) => this.#gauges.get(metric)?.set(toPrometheus(labels), value))
    }
  }
}
