import type { EventLevel, LoadBalancerEvent } from '@lb/core'

/**
 * How often a type comes: `rare` ones are kept for those who look later; those that come with a `call` that goes wrong, or with `every` call,
 * only reach who looks now.
 */
type Frequency = 'rare' | 'call' | 'every'

// A record, so that the compiler misses none.
const frequencies: Readonly<Record<LoadBalancerEvent['type'], Frequency>> = {
  'call-finished': 'every',
  'call-refused': 'call',
  'callback-failed': 'call',
  closed: 'rare',
  'control-refused': 'rare',
  'discovery-failed': 'rare',
  'discovery-recovered': 'rare',
  'empty-list-held': 'rare',
  'gateway-failed': 'call',
  'hash-key-ignored': 'rare',
  'match-ignored': 'rare',
  hedge: 'every',
  'instance-drained': 'rare',
  'instance-ejected': 'rare',
  'instance-half-open': 'rare',
  'instance-health-changed': 'rare',
  'instance-kept': 'rare',
  'instance-rejected': 'rare',
  'instance-returned': 'rare',
  'instances-changed': 'rare',
  'list-expired': 'rare',
  'listener-failed': 'call',
  'override-changed': 'rare',
  'panic-changed': 'rare',
  'probing-changed': 'rare',
  'request-finished': 'every',
  retry: 'every',
  'retry-budget-exhausted': 'call',
  'service-bypassed': 'rare',
  'service-released': 'rare',
  'weights-ignored': 'rare',
  'zone-routing-changed': 'rare',
}

/** Every level, least first. */
export const eventLevels: readonly EventLevel[] = ['debug', 'info', 'warn', 'error']

/** Whether events of this type are kept. */
export function isRare(type: LoadBalancerEvent['type']): boolean {
  return frequencies[type] === 'rare'
}

/** The types to listen to; undefined: all. */
export function typesFor(looking: 'nobody' | 'somebody' | 'closely'): readonly LoadBalancerEvent['type'][] | undefined {
  if (looking === 'closely') return undefined
  const all = Object.keys(frequencies) as LoadBalancerEvent['type'][]
  return all.filter((type) => isRare(type) || (looking === 'somebody' && frequencies[type] === 'call'))
}
