import type { CancelTimer, Clock, LoadProbeResult, Random, ServiceInstance } from '@lb/core'
import { checkDurationMs, checkInteger, checkKeys, checkNumber, RequestLoad, rejectOption } from '@lb/core/authoring'
import { type LatencyProfile, latencySampler } from './latency-profile.ts'
import { noReply } from './recording/recorded-reply.ts'
import type { RecordedResponse } from './recording/recorded-responses.ts'

/** How a simulated instance serves requests. Durations are in milliseconds. */
export interface InstanceBehaviour {
  /** Time to serve one request, without the wait in the queue. @default exponential with a mean of 20 */
  readonly serviceTime?: LatencyProfile | undefined
  /** Multiplies every service time, from 0 to 1 000 000. @default 1 */
  readonly slowdown?: number | undefined
  /** Requests served at once, from 1 to 1 000 000; others wait in the queue. @default 4 */
  readonly concurrency?: number | undefined
  /** Length of the queue, ≥ 0 or `Infinity`. Further requests get a 503 at once. @default 64 */
  readonly queueLimit?: number | undefined
  /** Share of requests that get `failureStatus`, from 0 to 1. @default 0 */
  readonly failureRatio?: number | undefined
  /** Status of failed requests, from 400 to 599. @default 500 */
  readonly failureStatus?: number | undefined
  /** Time to serve a request that fails. @default `serviceTime` */
  readonly failureTime?: LatencyProfile | undefined
  /**
   * A fresh instance is slower: its service times are multiplied by `factor` (1 to 1 000) at its start, falling
   * linearly to 1 within `durationMs`.
   * @default no warm-up
   */
  readonly warmUp?: { readonly factor: number; readonly durationMs: number } | undefined
  /** `refusing` refuses connections. `hanging` accepts requests and sends no response. @default 'serving' */
  readonly mode?: 'serving' | 'refusing' | 'hanging' | undefined
}

/** The result of a request: a status, or a negative number for a refused or reset connection or a recorded failure. */
export type Reply = number
export const refusedReply: Reply = -1
const resetReply: Reply = -2

const behaviourKeys: readonly (keyof InstanceBehaviour)[] = [
  'serviceTime',
  'slowdown',
  'concurrency',
  'queueLimit',
  'failureRatio',
  'failureStatus',
  'failureTime',
  'warmUp',
  'mode',
]

const defaultServiceTime: LatencyProfile = Object.freeze({ kind: 'exponential', meanMs: 20 })

interface Settings {
  readonly serviceTimeMs: () => number
  readonly failureTimeMs: () => number
  readonly slowdown: number
  readonly concurrency: number
  readonly queueLimit: number
  readonly failureRatio: number
  readonly failureStatus: number
  readonly warmUp: { readonly factor: number; readonly durationMs: number } | undefined
  readonly mode: 'serving' | 'refusing' | 'hanging'
}

/** Takes the reply to a request, and when the response is over, if that is later. */
export type OnReply = (reply: Reply, over?: Promise<void>) => void

/** Gives the response that was recorded for a request that comes now. */
export type ResponseSource = () => RecordedResponse

interface Job {
  readonly reply: OnReply
  /** Called when the rest of a response was sent, of which the head was the reply. */
  over: (() => void) | undefined
  /** Requests that were there when it arrived, and when that was. */
  readonly level: number
  readonly arrivedAtMs: number
  cancel: CancelTimer | undefined
}

/**
 * A server without a network: it serves `concurrency` requests at a time, queues further ones, and responds with a 503
 * if the queue is full. It completes a request even if its caller has given up, like a server that does not notice.
 */
export class SimulatedInstance {
  /** The instance as the registry lists it. */
  readonly instance: ServiceInstance
  /** The number of requests that arrived, whatever their result. */
  received = 0
  readonly #clock: Clock
  readonly #random: Random
  readonly #startedAtMs: number
  readonly #load = new RequestLoad()
  readonly #queue: Job[] = []
  readonly #served = new Set<Job>()
  readonly #recorded: ResponseSource | undefined
  #behaviour: InstanceBehaviour
  #settings: Settings

  /**
   * `recorded` gives its responses, unless the behaviour has a `serviceTime`.
   *
   * @throws InvalidOptionError
   */
  constructor(
    instance: ServiceInstance,
    clock: Clock,
    random: Random,
    behaviour: InstanceBehaviour = {},
    recorded?: ResponseSource,
  ) {
    this.instance = instance
    this.#recorded = recorded
    this.#clock = clock
    this.#random = random
    this.#startedAtMs = clock.now()
    this.#behaviour = { ...behaviour }
    this.#settings = settingsOf(behaviour, random)
  }

  /** The current behaviour, without the defaults. */
  get behaviour(): InstanceBehaviour {
    return this.#behaviour
  }

  /** The number of requests being served. */
  get active(): number {
    return this.#served.size
  }

  /** The number of requests in the queue. */
  get waiting(): number {
    return this.#queue.length
  }

  /**
   * Changes parts of the behaviour from now on. Requests that are being served keep their service time.
   *
   * @throws InvalidOptionError
   */
  behave(changes: InstanceBehaviour): void {
    this.#behaviour = { ...this.#behaviour, ...changes }
    this.#settings = settingsOf(this.#behaviour, this.#random)
    while (this.#queue.length > 0 && this.#served.size < this.#settings.concurrency)
      this.#serve(this.#queue.shift() as Job)
  }

  /** Simulates the death of the process: all its requests are reset, and new connections are refused. */
  crash(): void {
    this.behave({ mode: 'refusing' })
    const jobs = [...this.#served, ...this.#queue.splice(0)]
    this.#served.clear()
    for (const job of jobs) {
      job.cancel?.()
      this.#load.dropped()
      end(job, resetReply)
    }
  }

  /**
   * Accepts a request and calls `reply` once: at once if the request is refused, and never if the instance hangs. A recorded response
   * may go on after it.
   */
  handle(reply: OnReply): void {
    this.received++
    const { mode, concurrency, queueLimit } = this.#settings
    if (mode === 'refusing') reply(refusedReply)
    else if (mode === 'hanging') return
    else if (this.#served.size < concurrency) this.#serve(this.#job(reply))
    else if (this.#queue.length < queueLimit) this.#queue.push(this.#job(reply))
    else reply(503)
  }

  /** What it answers to a load probe; `undefined` when it answers nothing. */
  get loadReport(): LoadProbeResult | undefined {
    if (this.#settings.mode !== 'serving') return undefined
    return { inFlight: this.#load.inFlight, latencyMs: this.#load.latencyMs(this.#clock.now()) }
  }

  #job(reply: OnReply): Job {
    return { reply, over: undefined, level: this.#load.started(), arrivedAtMs: this.#clock.now(), cancel: undefined }
  }

  #serve(job: Job): void {
    const { failureRatio, failureStatus, failureTimeMs, serviceTimeMs, slowdown } = this.#settings
    const factor = slowdown * this.#coldness()
    this.#served.add(job)
    const finishIn = (durationMs: number, reply: Reply): void => {
      job.cancel = this.#clock.setTimeout(() => this.#finish(job, reply), durationMs * factor)
    }
    if (failureRatio > 0 && this.#random() < failureRatio) finishIn(failureTimeMs(), failureStatus)
    else if (this.#recorded === undefined || this.#behaviour.serviceTime !== undefined) finishIn(serviceTimeMs(), 200)
    else this.#replay(job, this.#recorded(), factor)
  }

  #replay(job: Job, { inFlightMs, ms, reply }: RecordedResponse, factor: number): void {
    // What gave no reply does not keep others from being served: nothing is known of how long it took.
    if (reply === noReply) {
      this.#served.delete(job)
      this.#load.dropped()
      return
    }
    job.cancel = this.#clock.setTimeout(() => {
      if (inFlightMs <= ms) {
        this.#finish(job, reply)
        return
      }
      job.cancel = this.#clock.setTimeout(() => this.#finish(job, reply), (inFlightMs - ms) * factor)
      const over = new Promise<void>((resolve) => {
        job.over = resolve
      })
      job.reply(reply, over)
    }, ms * factor)
  }

  #finish(job: Job, reply: Reply): void {
    this.#served.delete(job)
    this.#load.finished(job.level, this.#clock.now() - job.arrivedAtMs, this.#clock.now())
    const next = this.#queue.shift()
    if (next !== undefined) this.#serve(next)
    end(job, reply)
  }

  /** The factor by which service times are multiplied until the instance is warm. */
  #coldness(): number {
    const { warmUp } = this.#settings
    if (warmUp === undefined) return 1
    const left = 1 - (this.#clock.now() - this.#startedAtMs) / warmUp.durationMs
    return left > 0 ? 1 + (warmUp.factor - 1) * left : 1
  }
}

/** Gives the reply, or the end of a response whose head was the reply. */
function end({ over, reply: give }: Job, reply: Reply): void {
  if (over === undefined) give(reply)
  else over()
}

function settingsOf(behaviour: InstanceBehaviour, random: Random): Settings {
  checkKeys('instance', behaviour, behaviourKeys)
  const { slowdown = 1, concurrency = 4, queueLimit = 64, failureRatio = 0, failureStatus = 500 } = behaviour
  const { serviceTime = defaultServiceTime, failureTime = serviceTime, warmUp, mode = 'serving' } = behaviour
  checkNumber('instance.slowdown', slowdown, 0, 1_000_000)
  checkInteger('instance.concurrency', concurrency, 1, 1_000_000)
  if (queueLimit !== Number.POSITIVE_INFINITY) {
    checkInteger('instance.queueLimit', queueLimit, 0, Number.MAX_SAFE_INTEGER)
  }
  checkNumber('instance.failureRatio', failureRatio, 0, 1)
  checkInteger('instance.failureStatus', failureStatus, 400, 599)
  if (warmUp !== undefined) {
    checkNumber('instance.warmUp.factor', warmUp.factor, 1, 1_000)
    checkDurationMs('instance.warmUp.durationMs', warmUp.durationMs, { min: 1 })
  }
  if (!['serving', 'refusing', 'hanging'].includes(mode)) {
    rejectOption('instance.mode', 'serving, refusing or hanging', mode)
  }
  return {
    serviceTimeMs: latencySampler('instance.serviceTime', serviceTime, random),
    failureTimeMs: latencySampler('instance.failureTime', failureTime, random),
    slowdown,
    concurrency,
    queueLimit,
    failureRatio,
    failureStatus,
    warmUp,
    mode,
  }
}
