import type { Metric } from '@lb/core/authoring'

/**
 * The name in Prometheus of the metric `name` of the table: as OpenTelemetry's own exporters write it, so that dashboards and rules hold
 * for both. Source: the specification of OpenTelemetry, "Prometheus and OpenMetrics Compatibility".
 */
export function prometheusName(name: string, { unit, kind }: Metric): string {
  const base = underscored(name)
  if (kind === 'counter') return `${base}_total`
  if (unit === 's') return `${base}_seconds`
  return kind === 'gauge' && unit === '1' ? `${base}_ratio` : base
}

/** The name in Prometheus of a label. */
export function underscored(name: string): string {
  return name.replace(/[^A-Za-z0-9_:]/g, '_')
}
