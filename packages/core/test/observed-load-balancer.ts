import { FakeClock } from '@lb/testing'
import {
  LoadBalancer,
  type LoadBalancerEvent,
  type LoadBalancerOptions,
  type ServiceInstanceInit,
  StaticDiscovery,
} from '../src/index.ts'

export type EventOf<T extends LoadBalancerEvent['type']> = Extract<LoadBalancerEvent, { type: T }>

/** A load balancer on a virtual clock, with everything it told. Its service is `users`. */
export class ObservedLoadBalancer {
  readonly clock: FakeClock = new FakeClock()
  readonly discovery: StaticDiscovery
  readonly lb: LoadBalancer
  readonly events: LoadBalancerEvent[] = []

  constructor(instances: readonly ServiceInstanceInit[], options: Partial<LoadBalancerOptions> = {}) {
    this.discovery = new StaticDiscovery({ users: instances })
    this.lb = new LoadBalancer({
      discovery: this.discovery,
      clock: this.clock,
      // Round robin starts at the first instance, and no retry waits.
      random: () => 0,
      services: { users: {} },
      ...options,
    })
    this.lb.subscribe((event) => this.events.push(event))
  }

  /** One that knows its first list. */
  static async ready(
    instances: readonly ServiceInstanceInit[],
    options?: Partial<LoadBalancerOptions>,
  ): Promise<ObservedLoadBalancer> {
    const observed = new ObservedLoadBalancer(instances, options)
    await observed.lb.ready('users')
    return observed
  }

  /** How often each instance is picked in so many picks. */
  countPicks(picks: number): Record<string, number> {
    const counts: Record<string, number> = {}
    for (let pick = 0; pick < picks; pick++) {
      const { id } = this.lb.pick('users')
      counts[id] = (counts[id] ?? 0) + 1
    }
    return counts
  }

  eventsOf<T extends LoadBalancerEvent['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type)
  }

  /** Ids of the instances of the attempts that are over, in order. */
  get finished(): string[] {
    return this.eventsOf('request-finished').map(({ instance }) => instance.id)
  }

  get inFlight(): number {
    return this.lb.inspect('users').inFlight
  }

  /** State by id. */
  get states(): Record<string, string> {
    return Object.fromEntries(this.lb.inspect('users').instances.map(({ instance, state }) => [instance.id, state]))
  }

  /** Lets `ms` pass while `promise` settles, and gives what it gave. */
  async settle<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    const settled = Promise.allSettled([promise])
    await this.clock.advance(ms)
    const [result] = await settled
    if (result.status === 'rejected') throw result.reason
    return result.value
  }
}

/** An error of the platform, such as a transport throws. */
function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

export const refused: Error = failure('ECONNREFUSED')
export const reset: Error = failure('ECONNRESET')
/** The instance took too long: to try it again is dear. */
export const timedOut: Error = failure('ETIMEDOUT')
