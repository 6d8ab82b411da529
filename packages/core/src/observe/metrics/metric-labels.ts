/** Every label, with the values that it may have. */
export const metricLabels = {
  'lb.name': 'the `name` of the load balancer',
  'lb.service': 'the service; `(unknown)` for all names together that no list was ever known of',
  'lb.instance': 'the `id` of the instance; `(other)` for all together beyond the 1000th',
  result: '`ok`, `failed`, `cancelled`; of a call also `refused`',
  reason: 'why, as in the event that the metric counts',
  enforced: 'whether the instance was really ejected: `true`, `false`',
  state: '`available`, `standby`, `drained`, `unhealthy`, `ejected`, `half-open`, `draining`',
  change: '`added`, `removed`, `updated`',
  'server.address': 'the service',
  'http.request.method': 'the method, or `_OTHER`',
  'http.response.status_code': 'the status, if there was a response',
  'error.type': 'the status from 400, else the code or name of the error; `_OTHER` beyond 50 of them',
} as const

/** A label. In Prometheus, its dots are underscores. */
export type MetricLabel = keyof typeof metricLabels

/** The labels of one series, with their values. */
export type MetricLabels = { readonly [Label in MetricLabel]?: string | number | boolean }
