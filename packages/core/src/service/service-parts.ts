import type { Balancer } from '../balancer/balancer.ts'
import { balancerByName } from '../balancer/balancer-by-name.ts'
import type { ProbingState } from '../balancer/probing/probing.ts'
import { RoundRobinBalancer } from '../balancer/round-robin.ts'
import type { Clock } from '../base/clock.ts'
import type { DiscoveryError } from '../base/errors.ts'
import { rejectOption } from '../base/option-checks.ts'
import type { Random } from '../base/random.ts'
import type { RunningClock } from '../base/running-clock.ts'
import type { InstancesDiff } from '../cache/diff-instances.ts'
import { InstanceCache } from '../cache/instance-cache.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import { Overrides } from '../control/overrides.ts'
import { lookIntervalMs } from '../health/outliers/answer-watch.ts'
import { Looks } from '../health/outliers/looks.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import { RetryBudget } from '../retry/retry-budget.ts'
import { Candidates } from './candidates.ts'
import { Capacity } from './capacity.ts'
import { Feedback, noAnswerOptions } from './feedback.ts'
import { ListWaits } from './list-waits.ts'
import { MetadataSubset } from './metadata-subset.ts'
import { MetadataSubsets } from './metadata-subsets.ts'
import { MovableAttempts } from './movable-attempts.ts'
import { Picker } from './picker.ts'
import { type RequestListener, Requests } from './request.ts'
import { Roster } from './roster.ts'
import type { RosterListener } from './roster-listener.ts'
import { SteeredSplit } from './steered-split.ts'
import { Steering } from './steering.ts'
import { TrafficSplit } from './traffic-split.ts'
import type { WaitingCall } from './waiting-call.ts'

/** What every part of a service shares. */
export interface ServiceContext {
  readonly service: string
  readonly settings: ServiceSettings
  readonly clock: Clock
  /** For polls, if another: those of all services may share timers. @default clock */
  readonly pollClock?: Clock
  /** Measures requests and their time limits. */
  readonly running: RunningClock
  readonly random: Random
  readonly events: EventChannel
}

export interface ServiceWiring extends ServiceContext {
  /** The discovery does not know the service: it says there is no instance, or gave no list in time. */
  readonly onUnknown?: () => void
  /** Whether the discovery did not know it when it was asked before. */
  readonly wasUnknown?: boolean
}

/** What the parts of a service cause elsewhere in it. */
export interface ServiceListener extends RosterListener, RequestListener {
  /** There is another list. Throws what a balancer throws; the change is then to be given again. */
  listChanged(diff: InstancesDiff): void
  /** Why there is no list. */
  noListError(): DiscoveryError
}

/** The parts of one service. */
export interface ServiceParts {
  readonly budget: RetryBudget | undefined
  readonly looks: Looks
  readonly movable: MovableAttempts
  readonly splits: SteeredSplit
  readonly overrides: Overrides
  readonly candidates: Candidates
  readonly roster: Roster
  readonly capacity: Capacity
  readonly feedback: Feedback
  readonly requests: Requests
  readonly picker: Picker
  /** `undefined`: requests are not routed by what they match. */
  readonly subsets: MetadataSubsets | undefined
  readonly cache: InstanceCache
  readonly lists: ListWaits
  readonly steering: Steering
  /** Calls that wait or back off; closing ends them. */
  readonly waiting: Set<WaitingCall>
  /** Ends what runs in the background. */
  readonly close: () => void
}

/** Makes the parts of a service, each of those before it. @throws InvalidOptionError */
export function serviceParts(context: ServiceContext, listener: ServiceListener): ServiceParts {
  const { service, settings, clock, running } = context
  const { firstListTimeoutMs, retry } = settings
  const waiting = new Set<WaitingCall>()
  const budget = retry.budget === false ? undefined : new RetryBudget({ ...retry.budget, clock: running })
  const looks = new Looks(running, lookIntervalMs(noAnswerOptions(settings)))
  const movable = new MovableAttempts(service, looks)
  const closable = new Set<Balancer>()
  const splits = mainSplits(context, closable)
  const overrides = new Overrides(clock)
  const candidates = new Candidates({ ...context, overrides, splits })
  const roster = new Roster({ ...context, candidates, listener })
  const capacity = new Capacity({ ...context, clock: running, waiting, records: roster.records })
  const feedback = new Feedback({ ...context, roster, looks, movable, budget })
  const requests = new Requests({ ...context, capacity, feedback, listener })
  const subsets = newSubsets(context, candidates, splits)
  const picker = new Picker({ ...context, roster, candidates, capacity, subsets, suspects: feedback.suspects.ids })
  const cache = newCache(context, roster, listener)
  const noListError = (): DiscoveryError => listener.noListError()
  const lists = new ListWaits({ clock: running, waiting, firstListTimeoutMs, cache, noListError })
  const steering = new Steering({ ...context, overrides, cache, roster, splits })
  return {
    budget,
    looks,
    movable,
    splits,
    overrides,
    candidates,
    roster,
    capacity,
    feedback,
    requests,
    picker,
    subsets,
    cache,
    lists,
    steering,
    waiting,
    close: () => {
      for (const part of [cache, looks, feedback, roster, capacity]) part.close()
      subsets?.close()
      closeAll(context, closable)
    },
  }
}

// Not spread: with thousands of services, copies of all settings are much of what they keep.
function newCache(
  { service, settings, clock, pollClock, random, events }: ServiceContext,
  roster: Roster,
  listener: ServiceListener,
): InstanceCache {
  const { nameInRegistry, discovery, refreshIntervalMs, maxStaleMs, emptyGraceMs } = settings
  return new InstanceCache({
    service,
    nameInRegistry,
    discovery,
    refreshIntervalMs,
    maxStaleMs,
    emptyGraceMs,
    clock,
    pollClock,
    random,
    events,
    onChange: (diff) => listener.listChanged(diff),
    isOut: (instance) => roster.recordOf(instance)?.problem !== undefined,
  })
}

function mainSplits(context: ServiceContext, closable: Set<Balancer>): SteeredSplit {
  return new SteeredSplit({
    newSplit: () => newSplit(context, closable),
    onError: (error) => context.events.callbackFailed(context.service, 'balancer', error),
  })
}

/** The groups of candidates of a service, with balancers of the kind that its settings say. @throws InvalidOptionError */
function newSplit(context: ServiceContext, closable: Set<Balancer>): TrafficSplit {
  const { service, settings, random, events } = context
  return new TrafficSplit({
    newBalancer: () => {
      const balancer = newBalancer(context)
      if (typeof balancer.close === 'function') closable.add(balancer)
      return balancer
    },
    followWeights: settings.balancer === undefined,
    random,
    callbackFailed: (callback, error) => events.callbackFailed(service, callback, error),
  })
}

/** `undefined`: the service does not route. */
function newSubsets(
  context: ServiceContext,
  candidates: Candidates,
  splits: SteeredSplit,
): MetadataSubsets | undefined {
  const { routing } = context.settings
  if (routing === undefined) return undefined
  const newSubset = (values: MetadataMatch): MetadataSubset => {
    const closable = new Set<Balancer>()
    const own = subsetSplits(context, splits, closable)
    return new MetadataSubset(values, own, () => closeAll(context, closable))
  }
  return new MetadataSubsets({ routing, candidates, newSubset })
}

/** Those of a subset. What the application is emitted, and round robin stands in; so it does for one balancer given twice. */
function subsetSplits(context: ServiceContext, { balancer }: SteeredSplit, closable: Set<Balancer>): SteeredSplit {
  const { service, random, events } = context
  const onError = (error: unknown): void => events.callbackFailed(service, 'balancer', error)
  const make = (): TrafficSplit => {
    try {
      const split = newSplit(context, closable)
      if (split.first.balancer === balancer) split.first.replace(new RoundRobinBalancer({ random }))
      return split
    } catch (error) {
      onError(error)
      return newSplit({ ...context, settings: { ...context.settings, balancer: 'round-robin' } }, closable)
    }
  }
  return new SteeredSplit({ newSplit: make, onError })
}

function newBalancer(context: ServiceContext): Balancer {
  const { service, settings, clock, random, events } = context
  const { balancer, probing } = settings
  if (typeof balancer !== 'function') {
    const onProbing = (state: ProbingState): void => {
      if (events.active) events.emit({ type: 'probing-changed', service, ...state })
    }
    return balancerByName(balancer ?? 'round-robin', { clock, random, probing, onProbing })
  }
  const made: Balancer = balancer()
  if (typeof made?.update !== 'function' || typeof made.pick !== 'function') {
    rejectOption(`${service}.balancer()`, 'a Balancer with update and pick', made)
  }
  return made
}

function closeAll({ service, events }: ServiceContext, balancers: ReadonlySet<Balancer>): void {
  for (const balancer of balancers) {
    try {
      balancer.close?.()
    } catch (error) {
      // One of the application's: the others are closed all the same.
      events.callbackFailed(service, 'balancer.close', error)
    }
  }
}
