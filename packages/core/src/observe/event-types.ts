import { nearestName } from '../base/nearest-name.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { EventLevel, LoadBalancerEvent } from './events.ts'

/** The level of each type of event. A record, so that the compiler misses none. */
export const eventLevels: Readonly<Record<LoadBalancerEvent['type'], EventLevel>> = {
  'call-finished': 'debug',
  'call-refused': 'warn',
  'callback-failed': 'error',
  closed: 'info',
  'control-refused': 'warn',
  'discovery-failed': 'warn',
  'discovery-recovered': 'info',
  'empty-list-held': 'warn',
  'gateway-failed': 'warn',
  'hash-key-ignored': 'warn',
  hedge: 'debug',
  'instance-drained': 'debug',
  'instance-ejected': 'warn',
  'instance-half-open': 'info',
  'instance-health-changed': 'info',
  'instance-kept': 'warn',
  'instance-rejected': 'warn',
  'instance-returned': 'info',
  'instances-changed': 'info',
  'list-expired': 'warn',
  'listener-failed': 'error',
  'match-ignored': 'warn',
  'override-changed': 'info',
  'panic-changed': 'warn',
  'probing-changed': 'info',
  'request-finished': 'debug',
  retry: 'debug',
  'retry-budget-exhausted': 'warn',
  'service-bypassed': 'warn',
  'service-released': 'info',
  'weights-ignored': 'warn',
  'zone-routing-changed': 'info',
}

/** Of an event that a later version of an adapter emits: `info`. */
export function levelOf(type: LoadBalancerEvent['type']): EventLevel {
  return Object.hasOwn(eventLevels, type) ? eventLevels[type] : 'info'
}

/** Throws unless `types` is an array of types of events: a misspelt one would never be emitted. */
export function checkEventTypes(types: readonly unknown[]): void {
  if (!Array.isArray(types)) rejectOption('types', 'an array of types of events', types)
  for (const [index, type] of types.entries()) {
    if (typeof type === 'string' && Object.hasOwn(eventLevels, type)) continue
    const nearest = typeof type === 'string' ? nearestName(type, Object.keys(eventLevels)) : undefined
    const remedy = nearest === undefined ? undefined : `Did you mean ${nearest}?`
    rejectOption(`types[${index}]`, `one of ${Object.keys(eventLevels).join(', ')}`, type, remedy)
  }
}
