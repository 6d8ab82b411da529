import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { ServiceSettings } from '../config/service-settings.ts'
import type { ServiceInstance } from '../instance/instance.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { EventChannel } from '../observe/event-channel.ts'
import type { CriticalityRank } from '../overload/criticality.ts'
import type { LatencyQuantile } from '../overload/latency-quantile.ts'
import type { RetryBudget } from '../retry/retry-budget.ts'
import type { MovableAttempt, MovableAttempts } from './movable-attempts.ts'
import type { AttemptPickRequest, MayProbe } from './picker.ts'
import type { Preparation } from './preparation.ts'
import type { Request } from './request.ts'
import type { WaitingCall } from './waiting-call.ts'

/** A call that can wait for its next attempt. */
export interface SleepingCall extends WaitingCall {
  /** Waits `delayMs`. */
  sleep(delayMs: number): Promise<void>
}

/** Which list a call waits for. */
export interface ListBounds {
  /** It is newer than this one. */
  readonly version: number
  /** It is not waited for any longer. */
  readonly untilMs: number
  /** It is not waited for if instances are known, and only none with this match. */
  readonly match?: MetadataMatch | undefined
}

/** Whether limits on requests in flight leave room. One of the instances may be full. */
export interface Room {
  /** Whether the service takes one more request now, without overtaking a call that waits. */
  readonly hasRoom: boolean
  /** `hasRoom` for a call that cannot wait: the less critical ones leave some to others. */
  hasRoomAtOnce(rank: CriticalityRank): boolean
}

/** All that a call may ask of the service it goes to. */
export interface CallTarget {
  /** Its name. */
  readonly service: string
  readonly settings: Pick<ServiceSettings, 'retry' | 'hedge' | 'loadReports' | 'timeoutMs'>
  /** Measures requests and their time limits. */
  readonly running: Clock
  readonly random: Random
  readonly events: EventChannel
  /** Of all retries together; `undefined`: they have no limit. */
  readonly budget: RetryBudget | undefined
  /** Attempts that may move on when their instance falls silent. */
  readonly movable: MovableAttempts
  /** How long first attempts take, when that says how long to wait before a hedge. */
  readonly latencies: LatencyQuantile | undefined
  /** Whether it was closed or released: no attempt begins any more. */
  readonly closed: boolean
  /** Whether a list is known, be it empty. */
  readonly hasList: boolean
  readonly room: Room
  /** Counts the changes of the list. */
  readonly listVersion: number

  /** A call begins, which may have to wait before it is in flight. Once for each `callEnded`. */
  callBegan(): void
  callEnded(): void
  /** What the first pick of a call should wait for; `undefined`: nothing. Absent: never anything. */
  readonly prepare: (() => Preparation | undefined) | undefined
  /** Whether the service would refuse a request now, by the throttle's guess. Counts the request. */
  isThrottled(rank: CriticalityRank): boolean
  /** `call`: the number of the call that asks. @throws OverloadedError when the throttle says so */
  refuseIfThrottled(call: number, rank: CriticalityRank): void

  /**
   * Chooses an instance, and counts the request in flight. `undefined`: limits of requests in flight are reached.
   *
   * @throws NoAvailableInstanceError; LoadBalancerClosedError; what a balancer of the application throws
   */
  acquire(request?: AttemptPickRequest, mayProbe?: MayProbe, rank?: CriticalityRank): Request | undefined
  /** `acquired`, unless the service was closed since: then it is ended. @throws LoadBalancerClosedError */
  unlessClosed(acquired: Request): Request
  /** Whether one more attempt may begin beside others, on an instance that has room and none of these ids. */
  mayAcquireBeside(ids: ReadonlySet<string>, match?: MetadataMatch): boolean
  /** Whether an instance that may be picked, for a request with this match, has none of these ids. */
  hasCandidateBeyond(ids: ReadonlySet<string>, match?: MetadataMatch): boolean
  /** Whether `instance` is listed at another address now: its id says nothing of what was tried. */
  hasMoved(instance: ServiceInstance): boolean

  /** Waits for the first list. @throws DiscoveryError */
  firstList(call: WaitingCall): Promise<void>
  /** Waits for room on an instance with this match, and gives what `take` does then. @throws OverloadedError */
  whenRoom(call: WaitingCall, take: () => Request | undefined, match?: MetadataMatch): Promise<Request>
  /** Waits for a list newer than `version` from which `take` gives something; `undefined`: none is to be expected by `untilMs`. */
  fromNewerList(
    call: WaitingCall,
    bounds: ListBounds,
    take: () => Request | Promise<Request> | undefined,
  ): Promise<Request | undefined>
  /** Waits `delayMs` before a retry. @throws LoadBalancerClosedError */
  pause(call: SleepingCall, delayMs: number): Promise<void>

  /** An attempt beside `attempt` was answered first. Says whether the service takes `attempt` over, to see whether it is silent. */
  outrun(attempt: MovableAttempt): boolean
}
