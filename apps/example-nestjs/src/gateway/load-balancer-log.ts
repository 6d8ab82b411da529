import { LoadBalancer, type LoadBalancerEvent } from '@lb/core'
import { Injectable, Logger } from '@nestjs/common'

type Level = 'error' | 'warn' | 'log' | 'debug'

/** What each event is worth. Those that are not listed come with every request. */
const levels: Partial<Record<LoadBalancerEvent['type'], Level>> = {
  'list-expired': 'error',
  'listener-failed': 'error',
  'discovery-failed': 'warn',
  'empty-list-held': 'warn',
  'instance-rejected': 'warn',
  'instance-ejected': 'warn',
  'panic-changed': 'warn',
  'retry-budget-exhausted': 'warn',
  'call-refused': 'warn',
  'service-bypassed': 'warn',
  'instance-health-changed': 'log',
  'instances-changed': 'log',
  'instance-returned': 'log',
  'discovery-recovered': 'log',
  closed: 'log',
  'instance-half-open': 'debug',
  'instance-drained': 'debug',
  retry: 'debug',
}

/** Writes the events of the load balancer to Nest's log. */
@Injectable()
export class LoadBalancerLog {
  readonly #logger = new Logger('LoadBalancer')

  // In the constructor: the first lists come while the application starts.
  constructor(lb: LoadBalancer) {
    lb.subscribe((event) => this.#write(event))
  }

  #write(event: LoadBalancerEvent): void {
    const level = levels[event.type]
    if (level !== undefined) this.#logger[level](textOf(event))
  }
}

function textOf(event: LoadBalancerEvent): string {
  const service = 'service' in event ? `${event.service}: ` : ''
  const instance = 'instance' in event ? ` ${event.instance.id}` : ''
  return `${service}${event.type}${instance}${detailOf(event)}`
}

function detailOf(event: LoadBalancerEvent): string {
  if (event.type === 'instances-changed') {
    return ` (${event.added.length} added, ${event.removed.length} removed, ${event.total} known)`
  }
  if (event.type === 'instance-ejected') return ` (for ${event.forMs} ms)`
  if ('error' in event) return ` (${event.error instanceof Error ? event.error.message : String(event.error)})`
  return ''
}
