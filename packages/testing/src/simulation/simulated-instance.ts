import type { CancelTimer, ServiceInstance } from '@lb/core'
import { type Clock, checkDurationMs, checkInteger, checkKeys, checkNumber, type Random, rejectOption } from '@lb/core'
import { type LatencyProfile, latencySampler } from './latency-profile.ts'

/** What a simulated instance does with requests. Durations in milliseconds. */
export interface InstanceBehaviour {
  /** Time to serve one request, without waiting for its turn. Default exponential with a mean of 20. */
  readonly serviceTime?: LatencyProfile | undefined
  /** Multiplies every service time. Default 1. */
  readonly slowdown?: number | undefined
  /** Requests served at once; others wait in the queue. Default 4. */
  readonly concurrency?: number | undefined
  /** Requests that may wait; beyond it the answer is a 503 at once. Default 64. */
  readonly queueLimit?: number | undefined
  /** Share of requests answered with `failureStatus`. Default 0. */
  readonly failureRatio?: number | undefined
  /** Default 500. */
  readonly failureStatus?: number | undefined
  /** Time to serve a request that fails. Default: as the others. */
  readonly failureTime?: LatencyProfile | undefined
  /**
   * A fresh instance is slower: service times are multiplied by `factor` at its start and by ever less until
   * `durationMs` later. Default: it is warm at once.
   */
  readonly warmUp?: { readonly factor: number; readonly durationMs: number } | undefined
  /** `refusing`: no connection is made. `hanging`: requests are taken and never answered. Default `serving`. */
  readonly mode?: 'serving' | 'refusing' | 'hanging' | undefined
}

/** What came of a request: a status, or that the connection was refused or reset. */
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

interface Job {
  readonly reply: (reply: Reply) => void
  cancel: CancelTimer | undefined
}

/**
 * A server without a network: `concurrency` requests at a time, a queue in front of them, a 503 when the queue is full.
 * A request whose caller has given up is worked through all the same, as by a server that does not notice.
 */
export class SimulatedInstance {
  readonly instance: ServiceInstance
  /** Requests that arrived, whatever became of them. */
  received = 0
  readonly #clock: Clock
  readonly #random: Random
  readonly #startedAtMs: number
  readonly #queue: Job[] = []
  readonly #served = new Set<Job>()
  #behaviour: InstanceBehaviour
  #settings: Settings

  /** @throws InvalidOptionError */
  constructor(instance: ServiceInstance, clock: Clock, random: Random, behaviour: InstanceBehaviour = {}) {
    this.instance = instance
    this.#clock = clock
    this.#random = random
    this.#startedAtMs = clock.now()
    this.#behaviour = { ...behaviour }
    this.#settings = settingsOf(behaviour, random)
  }

  get behaviour(): InstanceBehaviour {
    return this.#behaviour
  }

  /** Requests being served. */
  get active(): number {
    return this.#served.size
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#queue.length
  }

  /**
   * Changes some of the behaviour from now on; requests being served keep the time they were given.
   *
   * @throws InvalidOptionError
   */
  behave(changes: InstanceBehaviour): void {
    this.#behaviour = { ...this.#behaviour, ...changes }
    this.#settings = settingsOf(this.#behaviour, this.#random)
    while (this.#queue.length > 0 && this.#served.size < this.#settings.concurrency)
      this.#serve(this.#queue.shift() as Job)
  }

  /** The process dies: every request it holds is reset, new ones are refused. */
  crash(): void {
    this.behave({ mode: 'refusing' })
    const jobs = [...this.#served, ...this.#queue.splice(0)]
    this.#served.clear()
    for (const { cancel, reply } of jobs) {
      cancel?.()
      reply(resetReply)
    }
  }

  /** Takes a request; `reply` is called once, at once when it is refused, never when the instance hangs. */
  handle(reply: (reply: Reply) => void): void {
    this.received++
    const { mode, concurrency, queueLimit } = this.#settings
    if (mode === 'refusing') reply(refusedReply)
    else if (mode === 'hanging') return
    else if (this.#served.size < concurrency) this.#serve({ reply, cancel: undefined })
    else if (this.#queue.length < queueLimit) this.#queue.push({ reply, cancel: undefined })
    else reply(503)
  }

  #serve(job: Job): void {
    const { failureRatio, failureStatus, failureTimeMs, serviceTimeMs, slowdown } = this.#settings
    const fails = failureRatio > 0 && this.#random() < failureRatio
    const durationMs = (fails ? failureTimeMs() : serviceTimeMs()) * slowdown * this.#coldness()
    this.#served.add(job)
    job.cancel = this.#clock.setTimeout(() => this.#finish(job, fails ? failureStatus : 200), durationMs)
  }

  #finish(job: Job, status: number): void {
    this.#served.delete(job)
    const next = this.#queue.shift()
    if (next !== undefined) this.#serve(next)
    job.reply(status)
  }

  /** What service times are multiplied by as long as the instance is not warm. */
  #coldness(): number {
    const { warmUp } = this.#settings
    if (warmUp === undefined) return 1
    const left = 1 - (this.#clock.now() - this.#startedAtMs) / warmUp.durationMs
    return left > 0 ? 1 + (warmUp.factor - 1) * left : 1
  }
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
