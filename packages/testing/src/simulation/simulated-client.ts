import type {
  AttemptFunction,
  AttemptResult,
  Classification,
  Clock,
  Criticality,
  ExecuteOptions,
  LoadBalancer,
  ServiceInstance,
} from '@lb/core'
import { classifyError, classifyStatus } from '@lb/core/authoring'
import type { CallRecorder } from './call-recorder.ts'
import type { CallSchedule } from './call-schedule.ts'
import type { EventHash } from './event-hash.ts'
import { failureNumber } from './recording/recorded-reply.ts'
import type { RecordedFailure } from './recording/recording.ts'
import type { SimulatedFleet } from './simulated-fleet.ts'
import { type Reply, refusedReply } from './simulated-instance.ts'

export const simulatedService = 'simulated-service'

/** What happened, in the event hash. */
export const eventKinds: Readonly<Record<'call' | 'attempt' | 'reply' | 'success' | 'failure' | 'told', number>> =
  Object.freeze({ call: 1, attempt: 2, reply: 3, success: 4, failure: 5, told: 6 })

export interface SimulatedClientOptions {
  readonly index: number
  readonly loadBalancer: LoadBalancer
  readonly clock: Clock
  readonly schedule: CallSchedule
  /** Draws the class of the next call. */
  readonly nextCriticality: () => Criticality
  readonly fleet: SimulatedFleet
  readonly recorder: CallRecorder
  readonly hash: EventHash
  /** What recorded attempts failed with. */
  readonly failures: readonly RecordedFailure[]
  readonly timeoutMs: number
  /** Time on the wire of one attempt, there and back. */
  readonly roundTripMs: (instance: ServiceInstance) => number
}

/** A process that calls the service through its own load balancer, at its own pace: it does not wait for responses. */
export class SimulatedClient {
  readonly #options: SimulatedClientOptions
  readonly #startedAtMs: number
  readonly #executeOptions: ExecuteOptions<Reply>
  readonly #onceOptions: ExecuteOptions<Reply>
  #untilMs = 0

  constructor(options: SimulatedClientOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.now()
    this.#executeOptions = { idempotent: true, timeoutMs: options.timeoutMs, classify: this.#classify }
    this.#onceOptions = { ...this.#executeOptions, idempotent: false }
  }

  /** Makes calls from now until the clock reads `untilMs`. */
  run(untilMs: number): void {
    this.#untilMs = untilMs
    this.#scheduleCall()
  }

  #scheduleCall(): void {
    const { clock, schedule } = this.#options
    const next = schedule(clock.now() - this.#startedAtMs)
    if (next === undefined || clock.now() + next.delayMs >= this.#untilMs) return
    clock.setTimeout(() => {
      this.#call(next.idempotent ? this.#executeOptions : this.#onceOptions)
      this.#scheduleCall()
    }, next.delayMs)
  }

  #call(options: ExecuteOptions<Reply>): void {
    const { clock, hash, index, loadBalancer, recorder, nextCriticality } = this.#options
    const beganAtMs = clock.now()
    const criticality = nextCriticality()
    recorder.began(beganAtMs - this.#startedAtMs, criticality)
    hash.add(eventKinds.call, beganAtMs, index, recorder.calls)
    const given = criticality === 'default' ? options : { ...options, criticality }
    loadBalancer.execute(simulatedService, this.#attempt, given).then(
      (reply) => this.#end(beganAtMs, criticality, reply < 500 ? undefined : `status ${reply}`),
      (error: unknown) => this.#end(beganAtMs, criticality, codeOf(error)),
    )
  }

  #end(beganAtMs: number, criticality: Criticality, failure: string | undefined): void {
    const { clock, hash, index, recorder } = this.#options
    const now = clock.now()
    const latencyMs = now - beganAtMs
    if (failure === undefined) {
      hash.add(eventKinds.success, now, index, latencyMs)
      recorder.ended(beganAtMs - this.#startedAtMs, latencyMs, criticality)
    } else {
      hash.add(eventKinds.failure, now, index, failure)
      recorder.failed(failure)
    }
  }

  readonly #attempt: AttemptFunction<Reply> = (instance, context) => {
    const { clock, fleet, hash, index, recorder, roundTripMs } = this.#options
    const target = fleet.get(instance.id)
    recorder.attempts++
    hash.add(eventKinds.attempt, clock.now(), index, target.received)
    return new Promise((resolve, reject) => {
      target.handle((reply, over) => {
        hash.add(eventKinds.reply, clock.now(), index, reply)
        if (over !== undefined) context.until(over)
        clock.setTimeout(() => {
          if (reply < 0) reject(this.#errorOf(reply))
          else resolve(reply)
        }, roundTripMs(instance))
      })
    })
  }

  #errorOf(reply: Reply): Error {
    const recorded = this.#options.failures[failureNumber(reply)]
    return recorded?.error ?? (reply === refusedReply ? refused : reset)
  }

  readonly #classify = (result: AttemptResult<Reply>): Classification | undefined => {
    if (result.ok) return classifyStatus(result.value)
    const { error } = result
    const recorded = this.#options.failures.find((failure) => failure.error === error)
    if (recorded?.blamed !== true || classifyError(error).blame !== 'none') return undefined
    // The application blamed the instance, which the code of the error alone does not.
    return { ok: false, retry: 'idempotent' }
  }
}

// Made once: a stack trace costs more than a call.
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : String(name)
}
