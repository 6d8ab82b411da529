import type { Clock } from '@lb/core'
import type { InstanceRow, Traffic, TrafficPoint } from '../api.ts'
import { type RingSpan, TrafficRing, type TrafficSum } from './traffic-ring.ts'

/** Calls of a service: a minute of seconds. */
const serviceSpan: RingSpan = { points: 61, pointMs: 1_000 }
/** Attempts on an instance, and of a service as far as they are compared with those: a minute, about 3 KB for each instance. */
const attemptSpan: RingSpan = { points: 13, pointMs: 5_000 }
/** Of how many seconds the rates are. */
const rateMs = 10_000
/** How many instances are counted of a service. Others are used as ever, and have no figures. */
const maxInstances = 20_000

/** What went through one service. */
export class ServiceTraffic {
  readonly calls: TrafficRing
  readonly attempts: TrafficRing
  readonly instances: Map<string, TrafficRing> = new Map()

  constructor(nowMs: number) {
    this.calls = new TrafficRing(serviceSpan, nowMs)
    this.attempts = new TrafficRing(attemptSpan, nowMs)
  }

  /** The ring of an instance; `undefined` if too many are counted. */
  instance(id: string, nowMs: number): TrafficRing | undefined {
    const known = this.instances.get(id)
    if (known !== undefined || this.instances.size >= maxInstances) return known
    const ring = new TrafficRing(attemptSpan, nowMs)
    this.instances.set(id, ring)
    return ring
  }
}

/** What went through every service and instance in the last minute. Of bounded size; nothing runs when nothing is recorded. */
export class TrafficBook {
  readonly #clock: Clock
  readonly #services = new Map<string, ServiceTraffic>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get nowMs(): number {
    return this.#clock.now()
  }

  /** What is recorded of a service, from now on. */
  service(name: string): ServiceTraffic {
    const known = this.#services.get(name)
    if (known !== undefined) return known
    const traffic = new ServiceTraffic(this.nowMs)
    this.#services.set(name, traffic)
    return traffic
  }

  ofService(name: string): Traffic {
    return inSeconds(this.#services.get(name)?.calls.sum(this.nowMs, rateMs / serviceSpan.pointMs))
  }

  history(name: string): readonly TrafficPoint[] {
    return this.#services.get(name)?.calls.history(this.nowMs) ?? []
  }

  ofInstance(name: string, id: string): Pick<InstanceRow, 'traffic' | 'latency'> & { readonly got?: number } {
    const { nowMs } = this
    const service = this.#services.get(name)
    const ring = service?.instances.get(id)
    const total = service?.attempts.count(nowMs) ?? 0
    return {
      traffic: inSeconds(ring?.sum(nowMs, rateMs / attemptSpan.pointMs)),
      latency: ring?.history(nowMs).map(({ p50Ms }) => p50Ms ?? null) ?? [],
      ...(total === 0 ? undefined : { got: (ring?.count(nowMs) ?? 0) / total }),
    }
  }

  forgetService(name: string): void {
    this.#services.delete(name)
  }

  forgetInstance(name: string, id: string): void {
    this.#services.get(name)?.instances.delete(id)
  }

  clear(): void {
    this.#services.clear()
  }
}

function inSeconds(sum: TrafficSum | undefined): Traffic {
  if (sum === undefined) return { seconds: 0, perSecond: 0, failuresPerSecond: 0 }
  const { count, failures, p50Ms, p99Ms } = sum
  // A rate of the first moments would be of too little.
  const seconds = Math.max(1, sum.ms / 1_000)
  return {
    seconds: Number(seconds.toFixed(1)),
    perSecond: Number((count / seconds).toFixed(2)),
    failuresPerSecond: Number((failures / seconds).toFixed(2)),
    ...(p50Ms === undefined ? undefined : { p50Ms }),
    ...(p99Ms === undefined ? undefined : { p99Ms }),
  }
}
