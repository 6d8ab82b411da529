import type { experimental, Metadata } from '@grpc/grpc-js'
import type { LoadBalancer, PickResult } from '@lb/core'
import { type StartedCall, systemClock } from '@lb/core/authoring'
import type { GrpcStatus } from './grpc-module.ts'
import { cancelled, deadlineExceeded, outcomeOf, resultOf, statusError } from './outcome.ts'
import type { SecondTries } from './second-try.ts'

type Filter = experimental.Filter

const repeatable = Object.freeze({ idempotent: true })
const once = Object.freeze({ idempotent: false })

/** Ends a request that was counted but not sent. */
export function giveBack(acquired: PickResult): void {
  acquired.done({ ok: false, latencyMs: 0, cancelled: true, blame: 'none' })
}

/**
 * One call of a channel, from the choice of its configuration to its last status. grpc-js hands it through to each pick as the
 * information of the call, and asks it as a filter, which is how it learns that a call ended that was never sent.
 */
export class Call implements Filter, experimental.FilterFactory<Filter> {
  readonly method: string
  readonly metadata: Metadata
  /** Whether lb reads the load reports of instances. */
  readsLoadReports = false
  /** The second tries of its method, if it is idempotent and lb repeats it. */
  readonly secondTries: SecondTries | undefined
  /** Whether the service config of its channel has it sent to several instances at once. */
  readonly isHedged: boolean
  /** The call as lb counts it; `undefined`: lb refused it. */
  started: StartedCall | undefined
  /** Why lb gave it no instance, since its last attempt. */
  refusedBy: unknown
  /** Whether it waits for an instance. */
  isWaiting = false
  /** A status that its next pick is to have. */
  refusal: experimental.PickResult | undefined
  /** The state of the world in which it got `refusal`: in the same one there is no other answer. */
  refusedAt = -1
  /** Its latest attempt; each knows the one before. */
  latest: AttemptPick | undefined
  /** The attempt that was started last. */
  current: AttemptPick | undefined
  isAnswered = false
  /** The code of its status, when it has ended. */
  code: number | undefined
  #held: PickResult | undefined
  #controller: AbortController | undefined

  constructor(method: string, metadata: Metadata, secondTries: SecondTries | undefined, isHedged: boolean) {
    this.method = method
    this.metadata = metadata
    this.secondTries = secondTries
    this.isHedged = isHedged
  }

  /** Begins it at lb. Why that is refused, its pick says. */
  start(lb: LoadBalancer, service: string, isIdempotent: boolean): void {
    try {
      this.started = lb.startCall(service, isIdempotent ? repeatable : once)
      this.readsLoadReports = this.started.readsLoadReports
    } catch (error) {
      this.refusedBy = error
    }
  }

  /** Ids of the instances that its attempts went to. */
  get tried(): ReadonlySet<string> | undefined {
    if (this.latest === undefined) return undefined
    const ids = new Set<string>()
    for (let each: AttemptPick | undefined = this.latest; each !== undefined; each = each.before)
      ids.add(each.instanceId)
    return ids
  }

  /** Aborted when it ends while it waits. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  /** Keeps an instance for the next pick. */
  hold(acquired: PickResult): void {
    if (this.code === undefined && this.#held === undefined) this.#held = acquired
    else giveBack(acquired)
  }

  takeHeld(): PickResult | undefined {
    const held = this.#held
    this.#held = undefined
    return held
  }

  createFilter(): Filter {
    return this
  }

  sendMetadata(metadata: Promise<Metadata>): Promise<Metadata> {
    return metadata
  }

  receiveMetadata(metadata: Metadata): Metadata {
    return metadata
  }

  sendMessage(message: ReturnType<Filter['sendMessage']>): ReturnType<Filter['sendMessage']> {
    return message
  }

  receiveMessage(message: ReturnType<Filter['receiveMessage']>): ReturnType<Filter['receiveMessage']> {
    if (!this.isAnswered) {
      this.isAnswered = true
      this.current?.answered()
    }
    return message
  }

  receiveTrailers(status: ReturnType<Filter['receiveTrailers']>): ReturnType<Filter['receiveTrailers']> {
    this.code = status.code
    this.#controller?.abort()
    const held = this.takeHeld()
    if (held !== undefined) giveBack(held)
    for (let each = this.latest; each !== undefined; each = each.before) each.callEnded()
    this.started?.end(resultOf(status, this.refusedBy))
    // No pick of it gets an instance any more.
    this.started = undefined
    return status
  }
}

/** A request on a picked instance, in the form that grpc-js takes. */
export class AttemptPick {
  readonly pickResultType: experimental.PickResultType.COMPLETE
  readonly subchannel: experimental.SubchannelInterface
  readonly status = null
  readonly onCallEnded: (code: number, details: string, metadata: Metadata) => void
  /** The attempt of the same call before. */
  readonly before: AttemptPick | undefined
  readonly instanceId: string
  readonly #call: Call
  /** Until it has ended. */
  #acquired: PickResult | undefined
  readonly #startedAtMs = systemClock.now()
  #isStarted = false
  #answeredAfterMs: number | undefined

  constructor(
    complete: experimental.PickResultType.COMPLETE,
    call: Call,
    acquired: PickResult,
    subchannel: experimental.SubchannelInterface,
  ) {
    this.pickResultType = complete
    this.#call = call
    this.#acquired = acquired
    this.instanceId = acquired.instance.id
    this.subchannel = subchannel
    this.before = call.latest
    call.latest = this
    call.refusedBy = undefined
    // grpc-js takes it out of this object.
    this.onCallEnded = (code, details, metadata) => this.#ended({ code, details, metadata })
    if (this.before?.isRunning === true) call.secondTries?.spent()
  }

  get isRunning(): boolean {
    return this.#isStarted && this.#acquired !== undefined
  }

  /** grpc-js has sent the request. */
  onCallStarted(): void {
    this.#isStarted = true
    this.#call.current = this
  }

  /** The first message came. */
  answered(): void {
    if (this.#acquired === undefined) return
    const latencyMs = systemClock.now() - this.#startedAtMs
    this.#answeredAfterMs = latencyMs
    this.#acquired.answered({ ok: true, latencyMs })
    this.#call.secondTries?.answered(latencyMs)
  }

  /** The call has ended: an attempt that was never sent is over. grpc-js speaks of the others itself. */
  callEnded(): void {
    if (this.#isStarted) return
    const acquired = this.#take()
    if (acquired !== undefined) giveBack(acquired)
  }

  #take(): PickResult | undefined {
    const acquired = this.#acquired
    this.#acquired = undefined
    return acquired
  }

  #ended(status: GrpcStatus): void {
    const acquired = this.#take()
    if (acquired === undefined) return
    const latencyMs = this.#answeredAfterMs ?? systemClock.now() - this.#startedAtMs
    if (status.code === cancelled && this.#answeredAfterMs === undefined && this.#call.latest !== this) {
      this.#overtaken(acquired, status, latencyMs)
    } else {
      acquired.done(outcomeOf(status, latencyMs, this.#call.readsLoadReports))
    }
  }

  /** Whether the caller gave up, or another attempt was answered first, the call knows in a moment. */
  #overtaken(acquired: PickResult, status: GrpcStatus, latencyMs: number): void {
    queueMicrotask(() => {
      const { code, isAnswered } = this.#call
      const isLost = isAnswered || (code !== undefined && code !== cancelled && code !== deadlineExceeded)
      const silent = { ...status, code: deadlineExceeded, details: 'no message, while another instance sent one' }
      acquired.done(
        isLost
          ? { ok: false, latencyMs, error: statusError(silent) }
          : outcomeOf(status, latencyMs, this.#call.readsLoadReports),
      )
    })
  }
}
