import type { LoadBalancer } from '@lb/core'
import {
  checkBoolean,
  checkKeys,
  checkLoadBalancer,
  type RecordedMetrics,
  recordMetrics,
  rejectOption,
} from '@lb/core/authoring'
import { register } from 'prom-client'
import { type PrometheusRegistry, RegisteredMetrics } from './registered-metrics.ts'
import { Series } from './series.ts'

/** How the metrics of a load balancer are collected. */
export interface CollectMetricsOptions {
  /** Where the metrics are registered. @default `register` of prom-client */
  readonly registry?: PrometheusRegistry | undefined
  /** What every name begins with. @default '' */
  readonly prefix?: string | undefined
  /**
   * The label `lb_name`, which keeps load balancers in one registry apart.
   * @default 'default', then 'default-2' and so on
   */
  readonly name?: string | undefined
  /**
   * Whether attempts, requests in flight and weights have a series for each instance: about 53 more for each, up to 1000 instances of a
   * service.
   * @default false
   */
  readonly instanceLabel?: boolean | undefined
}

/** Those of one prefix in one registry. */
const registered = new WeakMap<PrometheusRegistry, Map<string, RegisteredMetrics>>()

/**
 * Collects the metrics of `lb` in a registry of prom-client, until the returned function is called or `lb` is closed; then their series
 * are gone, and with the last load balancer the metrics too. Sends nothing: serve `registry.metrics()` for Prometheus.
 *
 *     collectMetrics(lb)
 *     app.get('/metrics', async (_request, response) => response.type(register.contentType).send(await register.metrics()))
 *
 * @throws InvalidOptionError if `lb` is collected in the registry already, its name is taken, or the registry has one of the metrics
 */
export function collectMetrics(lb: LoadBalancer, options: CollectMetricsOptions = {}): () => void {
  checkLoadBalancer('collectMetrics.lb', lb)
  checkKeys('collectMetrics', options, ['registry', 'prefix', 'name', 'instanceLabel'])
  const { registry = register, prefix = '', name, instanceLabel = false } = options
  checkRegistry(registry)
  if (typeof prefix !== 'string' || !/^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(prefix)) {
    rejectOption('collectMetrics.prefix', 'letters, digits, _ and :, without a digit in front', prefix)
  }
  checkBoolean('collectMetrics.instanceLabel', instanceLabel)
  const metrics = metricsIn(registry, prefix)
  const leave = (recorded?: RecordedMetrics): void => {
    if (metrics.leave(recorded)) registered.get(registry)?.delete(prefix)
  }
  try {
    const recorded: RecordedMetrics = recordMetrics(lb, new Series(metrics), {
      path: 'collectMetrics',
      place: metrics,
      name,
      instanceLabel,
      http: false,
      onClose: () => leave(recorded),
    })
    metrics.collect(recorded)
    return () => recorded.close()
  } catch (error) {
    leave()
    throw error
  }
}

function checkRegistry(registry: unknown): void {
  const isRegistry =
    typeof registry === 'object' && registry !== null && 'registerMetric' in registry && 'getSingleMetric' in registry
  if (!isRegistry) rejectOption('collectMetrics.registry', 'a Registry of prom-client', registry)
}

function metricsIn(registry: PrometheusRegistry, prefix: string): RegisteredMetrics {
  const byPrefix = registered.get(registry) ?? new Map<string, RegisteredMetrics>()
  const known = byPrefix.get(prefix)
  if (known?.isRegistered === true) return known
  const metrics = new RegisteredMetrics(registry, prefix)
  registered.set(registry, byPrefix.set(prefix, metrics))
  return metrics
}
