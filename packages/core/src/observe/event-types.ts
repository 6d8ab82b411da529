import { nearestName } from '../base/nearest-name.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { LoadBalancerEvent } from './events.ts'

// A record, so that the compiler misses none.
const eventTypes: Readonly<Record<LoadBalancerEvent['type'], true>> = {
  'call-finished': true,
  'call-refused': true,
  'callback-failed': true,
  closed: true,
  'control-refused': true,
  'discovery-failed': true,
  'discovery-recovered': true,
  'empty-list-held': true,
  'gateway-failed': true,
  'hash-key-ignored': true,
  hedge: true,
  'instance-drained': true,
  'instance-ejected': true,
  'instance-half-open': true,
  'instance-health-changed': true,
  'instance-kept': true,
  'instance-rejected': true,
  'instance-returned': true,
  'instances-changed': true,
  'list-expired': true,
  'listener-failed': true,
  'override-changed': true,
  'panic-changed': true,
  'request-finished': true,
  retry: true,
  'retry-budget-exhausted': true,
  'service-bypassed': true,
  'service-released': true,
  'weights-ignored': true,
  'zone-routing-changed': true,
}

/** Throws unless `types` is an array of types of events: a misspelt one would never be emitted. */
export function checkEventTypes(types: readonly unknown[]): void {
  if (!Array.isArray(types)) rejectOption('types', 'an array of types of events', types)
  for (const [index, type] of types.entries()) {
    if (typeof type === 'string' && Object.hasOwn(eventTypes, type)) continue
    const nearest = typeof type === 'string' ? nearestName(type, Object.keys(eventTypes)) : undefined
    const remedy = nearest === undefined ? undefined : `Did you mean ${nearest}?`
    rejectOption(`types[${index}]`, `one of ${Object.keys(eventTypes).join(', ')}`, type, remedy)
  }
}
