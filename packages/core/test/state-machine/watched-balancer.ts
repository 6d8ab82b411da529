import { balancerByName } from '../../src/balancer/balancer-by-name.ts'
import type {
  Balancer,
  BalancerName,
  Clock,
  Outcome,
  PickRequest,
  ProbingOptions,
  ServiceInstance,
  ServiceSnapshot,
} from '../../src/index.ts'
import type { Chance } from './chance.ts'

export const boom: Error = new Error('boom')

export interface BalancerWatchOptions {
  readonly name: BalancerName
  readonly probing: ProbingOptions
  readonly clock: Clock
  readonly chance: Chance
  readonly inspect: () => ServiceSnapshot
  readonly violated: (what: string) => void
}

/** What the balancers of a run hear, checked as they hear it; they throw when `throwing` says so. */
export class BalancerWatch {
  throwing: 'update' | 'pick' | 'started' | 'finished' | undefined
  /** Those that did not take their last candidates: others stand in for them. */
  readonly refusing: Set<Balancer> = new Set()
  started = 0
  finished = 0
  /** Grows with everything that may change which instance is picked. */
  changes = 0
  /** `changes` when a request last started. */
  changesAtStart = 0
  readonly #options: BalancerWatchOptions
  readonly #inFlight = new Map<string, number>()
  /** Ids of the half-open instances that a probe went to, until a request on them ends. */
  readonly #probed = new Set<string>()

  constructor(options: BalancerWatchOptions) {
    this.#options = options
  }

  inFlight(id: string): number {
    return this.#inFlight.get(id) ?? 0
  }

  /** An ejection of `id` began or ended. */
  judged(id: string): void {
    this.#probed.delete(id)
  }

  newBalancer(): Balancer {
    const { name, probing, clock, chance, violated } = this.#options
    const inner = balancerByName(name, { clock, random: chance.random, probing })
    let candidates = new Set<ServiceInstance>()
    return {
      update: (list) => {
        this.changes++
        this.refusing.add(inner)
        if (this.throwing === 'update') throw boom
        candidates = new Set(list)
        inner.update(list)
        this.refusing.delete(inner)
      },
      pick: (request?: PickRequest) => {
        if (this.throwing === 'pick') throw boom
        const picked = inner.pick(request)
        if (picked === undefined ? candidates.size > 0 : !candidates.has(picked))
          violated('a pick beside the candidates')
        return picked
      },
      started: (instance) => {
        inner.started?.(instance)
        this.#start(instance)
        if (this.throwing === 'started') throw boom
      },
      finished: (instance, outcome: Outcome) => {
        inner.finished?.(instance, outcome)
        this.changes++
        this.finished++
        this.#inFlight.set(instance.id, this.inFlight(instance.id) - 1)
        this.#probed.delete(instance.id)
        if (this.throwing === 'finished') throw boom
      },
      ...(inner.prepare === undefined ? undefined : { prepare: () => inner.prepare?.() }),
      close: () => inner.close?.(),
    }
  }

  #start({ id }: ServiceInstance): void {
    const { inspect, violated } = this.#options
    this.changesAtStart = ++this.changes
    this.started++
    this.#inFlight.set(id, this.inFlight(id) + 1)
    const known = inspect().instances.find(({ instance }) => instance.id === id)
    if (known === undefined) violated(`${id} was picked, and is not known`)
    else if (known.state === 'half-open' && !known.candidate) {
      if (this.#probed.has(id)) violated(`two probes of ${id}`)
      this.#probed.add(id)
    } else if (!known.candidate) violated(`${id} was picked, and is ${known.state}`)
  }
}
