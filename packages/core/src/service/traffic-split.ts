import type { Balancer, PickRequest } from '../balancer/balancer.ts'
import { RoundRobinBalancer } from '../balancer/round-robin.ts'
import { SmoothWeightedSchedule } from '../balancer/smooth-weighted/schedule.ts'
import { SmoothWeightedRoundRobinBalancer } from '../balancer/smooth-weighted/smooth-weighted-round-robin.ts'
import { onLateRejection } from '../base/late-rejection.ts'
import type { Random } from '../base/random.ts'
import { XxHash64 } from '../base/xxhash64.ts'
import type { CandidateGroup } from '../health/eligibility/eligibility.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { Outcome } from '../instance/outcome.ts'
import type { CallbackFailed } from '../observe/events.ts'

export interface TrafficSplitOptions {
  readonly newBalancer: () => Balancer
  /** Whether round robin turns into smooth weighted round robin as soon as weights differ. */
  readonly followWeights: boolean
  readonly random: Random
  readonly callbackFailed: CallbackFailed
}

/**
 * Candidates that get a part of the traffic, with the balancer that chooses among them. It may be the application's: what it throws
 * is emitted, and only a pick passes it on.
 */
export class TrafficRoute {
  readonly key: string
  balancer: Balancer
  share = 0
  candidates: readonly ServiceInstance[] = []
  /** Of the candidates. */
  totalWeight = 0
  spillAt: number | undefined
  inFlight = 0
  readonly #callbackFailed: CallbackFailed
  /** What picks: the balancer, or what stands in for one that did not take its candidates. */
  chooser: Balancer

  constructor(key: string, balancer: Balancer, callbackFailed: CallbackFailed) {
    this.key = key
    this.balancer = balancer
    this.chooser = balancer
    this.#callbackFailed = callbackFailed
  }

  get meanInFlight(): number {
    return this.inFlight / this.candidates.length
  }

  /** `balancer` takes the place of the one that was, and gets candidates next. */
  replace(balancer: Balancer): void {
    this.balancer = balancer
    this.chooser = balancer
  }

  /** Replaces the candidates. Throws what the balancer throws; until it takes others, the candidates are picked in turn. */
  update(candidates: readonly ServiceInstance[], random: Random, resting: readonly ServiceInstance[] = []): void {
    this.candidates = candidates
    this.totalWeight = candidates.reduce((sum, { weight }) => sum + weight, 0)
    try {
      const result: unknown = this.balancer.update(candidates, resting)
      onLateRejection(result, (error) => this.#callbackFailed('balancer.update', error))
      this.chooser = this.balancer
    } catch (error) {
      if (this.chooser === this.balancer) this.chooser = new RoundRobinBalancer({ random })
      this.chooser.update(candidates)
      this.#callbackFailed('balancer.update', error)
      throw error
    }
  }

  setShares(shares: Shares | undefined): void {
    try {
      this.balancer.setShares?.(shares)
    } catch (error) {
      this.#callbackFailed('balancer.setShares', error)
    }
  }

  pick(request?: PickRequest): ServiceInstance | undefined {
    try {
      return this.chooser.pick(request)
    } catch (error) {
      throw this.pickFailed(error)
    }
  }

  /** Emits that the balancer threw `error` at a pick, and gives it. */
  pickFailed(error: unknown): unknown {
    this.#callbackFailed('balancer.pick', error)
    return error
  }

  started(instance: ServiceInstance): void {
    this.inFlight++
    try {
      const result: unknown = this.balancer.started?.(instance)
      if (result !== undefined) onLateRejection(result, (error) => this.#callbackFailed('balancer.started', error))
    } catch (error) {
      this.#callbackFailed('balancer.started', error)
    }
  }

  finished(instance: ServiceInstance, outcome: Outcome): void {
    this.inFlight--
    try {
      const result: unknown = this.balancer.finished?.(instance, outcome)
      if (result !== undefined) onLateRejection(result, (error) => this.#callbackFailed('balancer.finished', error))
    } catch (error) {
      this.#callbackFailed('balancer.finished', error)
    }
  }
}

type Shares = Readonly<Record<string, number>>

interface Turn {
  readonly route: TrafficRoute
  readonly share: number
}

const maxKnown = 64
const groupSeed = 0x6772_6f75

/**
 * One balancer for each group of candidates, and the choice between the groups. Mostly there is one. Several share the
 * traffic by weighted turns; requests with a hash key go to the same group as long as the shares stay.
 */
export class TrafficSplit {
  readonly #options: TrafficSplitOptions
  /** Once there are several groups; so is the hash. */
  #turns: SmoothWeightedSchedule<Turn> | undefined
  #hash: XxHash64 | undefined
  /** Of the groups that were ever there, so that a level that comes back finds its state. */
  readonly #known = new Map<string, TrafficRoute>()
  #routes: readonly TrafficRoute[] = []
  #only: TrafficRoute
  #shares: Shares | undefined

  /** @throws whatever `newBalancer` throws */
  constructor(options: TrafficSplitOptions) {
    this.#options = options
    this.#only = new TrafficRoute('0', options.newBalancer(), options.callbackFailed)
    this.#known.set('0', this.#only)
  }

  /** The one route there is; `undefined` when there are several. */
  get only(): TrafficRoute | undefined {
    return this.#routes.length > 1 ? undefined : this.#only
  }

  /** The route of the first group. */
  get first(): TrafficRoute {
    return this.#only
  }

  /** Whether its balancers learn from requests, and are not mere sequences. */
  get learns(): boolean {
    const { balancer } = this.#only
    return balancer.started !== undefined || balancer.finished !== undefined
  }

  /** The groups that its balancers have; `undefined`: they take no shares. */
  get balancerGroups(): readonly string[] | undefined {
    if (this.#only.balancer.setShares === undefined) return undefined
    return [...new Set(Array.from(this.#known.values()).flatMap(({ balancer }) => balancer.groups ?? []))]
  }

  /** Shares of the groups that its balancers have; `undefined`: their own. */
  setShares(shares: Shares | undefined): void {
    if (shares === this.#shares) return
    this.#shares = shares
    for (const route of this.#known.values()) route.setShares(shares)
  }

  /** `resting`: drained by an operator; balancers keep what they learnt. Throws what the balancers throw, when all is done. */
  update(groups: readonly CandidateGroup[], resting: readonly ServiceInstance[] = []): void {
    const before = this.#routes
    const errors: unknown[] = []
    const install = (route: TrafficRoute, candidates: readonly ServiceInstance[]): void => {
      try {
        this.#install(route, candidates, resting)
      } catch (error) {
        errors.push(error)
      }
    }
    this.#routes = groups.map((group) => {
      const route = this.#route(group)
      install(route, group.candidates)
      return route
    })
    this.#only = this.#routes[0] ?? this.#only
    for (const route of before) if (!this.#routes.includes(route)) install(route, [])
    if (this.#routes.length === 0 && !before.includes(this.#only)) install(this.#only, [])
    if (this.#routes.length > 1) this.#takeTurns()
    this.#forget()
    if (errors.length > 0) throw errors[0]
  }

  /** The route of the next request. */
  next(request?: PickRequest): TrafficRoute {
    if (this.#routes.length <= 1) return this.#only
    const avoid = request?.avoid
    const hashed = request?.hashKey === undefined ? undefined : this.#byHash(request.hashKey)
    if (hashed !== undefined && (avoid === undefined || !isCovered(hashed.candidates, avoid))) return hashed
    const route = this.#turnOf(avoid)
    return route.spillAt === undefined ? route : this.#spilled(route, avoid)
  }

  /** Ids of all candidates. */
  get candidateIds(): readonly string[] {
    return this.#routes.flatMap(({ candidates }) => candidates.map(({ id }) => id))
  }

  /** Whether a candidate has none of these ids. */
  hasCandidateBeyond(ids: ReadonlySet<string>): boolean {
    return this.#routes.some(({ candidates }) => candidates.some(({ id }) => !ids.has(id)))
  }

  #route({ key, share, spillAt }: CandidateGroup): TrafficRoute {
    let route = this.#known.get(key)
    if (route === undefined) {
      route = new TrafficRoute(key, this.#newBalancer(), this.#options.callbackFailed)
      this.#known.set(key, route)
      if (this.#shares !== undefined) route.setShares(this.#shares)
    }
    route.share = share
    route.spillAt = spillAt
    return route
  }

  #takeTurns(): void {
    this.#turns ??= new SmoothWeightedSchedule(this.#options.random, {
      keyOf: ({ route }) => route.key,
      weightOf: ({ share }) => share,
    })
    this.#turns.update(this.#routes.map((route) => ({ route, share: route.share })))
  }

  // It made one at the start. That it makes no more is no reason to lose a list.
  #newBalancer(): Balancer {
    const { newBalancer, random, callbackFailed } = this.#options
    try {
      return newBalancer()
    } catch (error) {
      callbackFailed('balancer', error)
      return new RoundRobinBalancer({ random })
    }
  }

  #install(route: TrafficRoute, candidates: readonly ServiceInstance[], resting: readonly ServiceInstance[]): void {
    const { followWeights, random } = this.#options
    // Weights that are set should count. The change stays: weights that differ once will differ again.
    const differ = followWeights && candidates.some(({ weight }) => weight !== candidates[0]?.weight)
    if (differ && route.balancer instanceof RoundRobinBalancer) {
      route.replace(new SmoothWeightedRoundRobinBalancer({ random }))
    }
    route.update(candidates, random, resting)
  }

  #turnOf(avoid: ReadonlySet<string> | undefined): TrafficRoute {
    if (avoid === undefined || avoid.size === 0) return this.#turn()
    const covered = ({ candidates }: TrafficRoute): boolean => isCovered(candidates, avoid)
    const open = this.#turns?.nextExcept(({ route }) => covered(route))?.route
    return open ?? this.#routes.find((route) => !covered(route)) ?? this.#turn()
  }

  #turn(): TrafficRoute {
    return this.#turns?.next()?.route ?? this.#only
  }

  // Priorities and zones come from registries: unused ones must not accumulate.
  #forget(): void {
    if (this.#known.size <= maxKnown) return
    for (const [key, route] of this.#known) if (!this.#routes.includes(route)) this.#known.delete(key)
  }

  #spilled(route: TrafficRoute, avoid: ReadonlySet<string> | undefined): TrafficRoute {
    const other = this.#routes[this.#routes.indexOf(route) + 1]
    if (other === undefined || (avoid !== undefined && isCovered(other.candidates, avoid))) return route
    const load = route.meanInFlight
    return load > 1 && load > (route.spillAt ?? 1) * other.meanInFlight ? other : route
  }

  #byHash(key: string): TrafficRoute {
    // Another seed than the hashing balancers': within a group the keys must be spread over all of its ring.
    this.#hash ??= new XxHash64()
    this.#hash.hash(key, groupSeed)
    let rest = this.#hash.high / 2 ** 32
    for (const route of this.#routes) {
      rest -= route.share
      if (rest < 0) return route
    }
    return this.#only
  }
}

function isCovered(candidates: readonly ServiceInstance[], ids: ReadonlySet<string>): boolean {
  return candidates.length <= ids.size && candidates.every(({ id }) => ids.has(id))
}
