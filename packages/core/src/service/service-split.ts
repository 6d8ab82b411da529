import type { Balancer } from '../balancer/balancer.ts'
import { balancerByName } from '../balancer/balancer-by-name.ts'
import type { Clock } from '../base/clock.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { Random } from '../base/random.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { EventChannel } from '../observe/events.ts'
import { TrafficSplit } from './traffic-split.ts'

interface SplitContext {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  readonly random: Random
  readonly events: EventChannel
}

/** The groups of candidates of a service, with balancers of the kind that its settings say. @throws InvalidOptionError */
export function serviceSplit(context: SplitContext): TrafficSplit {
  const { service, settings, random, events } = context
  return new TrafficSplit({
    newBalancer: () => newBalancer(context),
    followWeights: settings.balancer === undefined,
    random,
    callbackFailed: (callback, error) => events.callbackFailed(service, callback, error),
  })
}

function newBalancer(context: SplitContext): Balancer {
  const { service, settings } = context
  const { balancer } = settings
  if (typeof balancer !== 'function') return balancerByName(balancer ?? 'round-robin', context)
  const made: Balancer = balancer()
  if (typeof made?.update !== 'function' || typeof made.pick !== 'function') {
    rejectOption(`${service}.balancer()`, 'a Balancer with update and pick', made)
  }
  return made
}
