export { type CollectMetricsOptions, collectMetrics } from './collect-metrics.ts'
export type { PrometheusRegistry } from './registered-metrics.ts'
