import type { EventLevel, LoadBalancerEvent } from '@lb/core'

/**
 * How often events of a type come:
 * - `rare`: when something changes. They are kept for streams that are opened later.
 * - `wrong-call`: with calls that go wrong, or are refused
 * - `every-call`: with every call
 */
export type Frequency = 'rare' | 'wrong-call' | 'every-call'

// A record, so that the compiler misses none.
const frequencies: Readonly<Record<LoadBalancerEvent['type'], Frequency>> = {
  'call-finished': 'every-call',
  'call-refused': 'wrong-call',
  'callback-failed': 'wrong-call',
  closed: 'rare',
  'control-refused': 'rare',
  'discovery-failed': 'rare',
  'discovery-recovered': 'rare',
  'empty-list-held': 'rare',
  'gateway-failed': 'wrong-call',
  'hash-key-ignored': 'rare',
  hedge: 'every-call',
  'instance-drained': 'rare',
  'instance-ejected': 'rare',
  'instance-half-open': 'rare',
  'instance-health-changed': 'rare',
  'instance-kept': 'rare',
  'instance-rejected': 'rare',
  'instance-returned': 'rare',
  'instances-changed': 'rare',
  'list-expired': 'rare',
  'listener-failed': 'wrong-call',
  'match-ignored': 'rare',
  'override-changed': 'rare',
  'panic-changed': 'rare',
  'probing-changed': 'rare',
  'request-finished': 'every-call',
  retry: 'every-call',
  'retry-budget-exhausted': 'wrong-call',
  'service-bypassed': 'rare',
  'service-released': 'rare',
  'weights-ignored': 'rare',
  'zone-routing-changed': 'rare',
}

/** Every level, the least first. */
export const levelsFromLeast: readonly EventLevel[] = ['debug', 'info', 'warn', 'error']

/** Whether events of this type are kept. */
export function isRare(type: LoadBalancerEvent['type']): boolean {
  return frequencies[type] === 'rare'
}

/** The types of events that are no more frequent than `most`; `undefined`: all. */
export function typesUpTo(most: Frequency): readonly LoadBalancerEvent['type'][] | undefined {
  if (most === 'every-call') return undefined
  const all = Object.keys(frequencies) as LoadBalancerEvent['type'][]
  return all.filter((type) => isRare(type) || frequencies[type] === most)
}
