import type {
  AttemptFunction,
  AttemptResult,
  Classification,
  Clock,
  ExecuteOptions,
  LoadBalancer,
  Random,
  ServiceInstance,
} from '@lb/core'
import { classifyStatus } from '@lb/core/authoring'
import type { CallRecorder } from './call-recorder.ts'
import type { EventHash } from './event-hash.ts'
import { exponential } from './latency-profile.ts'
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
  readonly random: Random
  readonly fleet: SimulatedFleet
  readonly recorder: CallRecorder
  readonly hash: EventHash
  readonly callsPerSecond: number
  readonly arrivals: 'poisson' | 'constant'
  readonly timeoutMs: number
  /** Time on the wire of one attempt, there and back. */
  readonly roundTripMs: (instance: ServiceInstance) => number
}

/** A process that calls the service through its own load balancer, at its own pace: it does not wait for responses. */
export class SimulatedClient {
  readonly #options: SimulatedClientOptions
  readonly #startedAtMs: number
  readonly #executeOptions: ExecuteOptions<Reply>
  #untilMs = 0

  constructor(options: SimulatedClientOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.now()
    this.#executeOptions = { idempotent: true, timeoutMs: options.timeoutMs, classify: classifyReply }
  }

  /** Makes calls from now until the clock reads `untilMs`. */
  run(untilMs: number): void {
    this.#untilMs = untilMs
    const { arrivals, callsPerSecond, random } = this.#options
    // With a random phase, as clients do not march in step.
    this.#scheduleCall(arrivals === 'constant' ? (random() * 1_000) / callsPerSecond : this.#gapMs())
  }

  #gapMs(): number {
    const { arrivals, callsPerSecond, random } = this.#options
    return (1_000 / callsPerSecond) * (arrivals === 'constant' ? 1 : exponential(random))
  }

  #scheduleCall(delayMs: number): void {
    const { clock } = this.#options
    if (clock.now() + delayMs >= this.#untilMs) return
    clock.setTimeout(() => {
      this.#call()
      this.#scheduleCall(this.#gapMs())
    }, delayMs)
  }

  #call(): void {
    const { clock, hash, index, loadBalancer, recorder } = this.#options
    const beganAtMs = clock.now()
    recorder.began(beganAtMs - this.#startedAtMs)
    hash.add(eventKinds.call, beganAtMs, index, recorder.calls)
    loadBalancer.execute(simulatedService, this.#attempt, this.#executeOptions).then(
      (reply) => this.#end(beganAtMs, reply < 500 ? undefined : `status ${reply}`),
      (error: unknown) => this.#end(beganAtMs, codeOf(error)),
    )
  }

  #end(beganAtMs: number, failure: string | undefined): void {
    const { clock, hash, index, recorder } = this.#options
    const now = clock.now()
    const latencyMs = now - beganAtMs
    if (failure === undefined) {
      hash.add(eventKinds.success, now, index, latencyMs)
      recorder.ended(beganAtMs - this.#startedAtMs, latencyMs)
    } else {
      hash.add(eventKinds.failure, now, index, failure)
      recorder.failed(failure)
    }
  }

  readonly #attempt: AttemptFunction<Reply> = (instance) => {
    const { clock, fleet, hash, index, recorder, roundTripMs } = this.#options
    const target = fleet.get(instance.id)
    recorder.attempts++
    hash.add(eventKinds.attempt, clock.now(), index, target.received)
    return new Promise((resolve, reject) => {
      target.handle((reply) => {
        hash.add(eventKinds.reply, clock.now(), index, reply)
        clock.setTimeout(() => (reply < 0 ? reject(errorOf(reply)) : resolve(reply)), roundTripMs(instance))
      })
    })
  }
}

function classifyReply(result: AttemptResult<Reply>): Classification | undefined {
  return result.ok ? classifyStatus(result.value) : undefined
}

// Made once: a stack trace costs more than a call.
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })

function errorOf(reply: Reply): Error {
  return reply === refusedReply ? refused : reset
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : String(name)
}
