import type { MetricLabels } from '@lb/core/authoring'
import { underscored } from './metric-name.ts'

type Labels = Record<string, string>

const converted = new WeakMap<MetricLabels, Labels>()

/** The labels as Prometheus has them. */
export function toPrometheus(labels: MetricLabels): Labels {
  const known = converted.get(labels)
  if (known !== undefined) return known
  const own = Object.fromEntries(Object.entries(labels).map(([label, value]) => [underscored(label), String(value)]))
  converted.set(labels, own)
  return own
}
