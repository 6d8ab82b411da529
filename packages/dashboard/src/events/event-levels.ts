import type { LoadBalancerEvent } from '@lb/core'
import type { EventLevel } from '../api.ts'

/** How much each type matters: `debug` is what happens with every call. A record, so that the compiler misses none. */
const levels: Readonly<Record<LoadBalancerEvent['type'], EventLevel>> = {
  'call-finished': 'debug',
  'call-refused': 'debug',
  'callback-failed': 'error',
  closed: 'info',
  'control-refused': 'warn',
  'discovery-failed': 'error',
  'discovery-recovered': 'info',
  'empty-list-held': 'warn',
  'gateway-failed': 'debug',
  'hash-key-ignored': 'warn',
  hedge: 'debug',
  'instance-drained': 'info',
  'instance-ejected': 'warn',
  'instance-half-open': 'info',
  'instance-health-changed': 'warn',
  'instance-kept': 'warn',
  'instance-rejected': 'warn',
  'instance-returned': 'info',
  'instances-changed': 'info',
  'list-expired': 'error',
  'listener-failed': 'error',
  'override-changed': 'info',
  'panic-changed': 'warn',
  'request-finished': 'debug',
  retry: 'debug',
  'retry-budget-exhausted': 'debug',
  'service-bypassed': 'warn',
  'service-released': 'info',
  'weights-ignored': 'warn',
  'zone-routing-changed': 'info',
}

/** Every level, least first. */
export const eventLevels: readonly EventLevel[] = ['debug', 'info', 'warn', 'error']

export function levelOf(type: LoadBalancerEvent['type']): EventLevel {
  return levels[type] ?? 'info'
}

/** The types that do not come with every call. */
export const rareTypes: readonly LoadBalancerEvent['type'][] = Object.entries(levels)
  .filter(([, level]) => level !== 'debug')
  .map(([type]) => type as LoadBalancerEvent['type'])
