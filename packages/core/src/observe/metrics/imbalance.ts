import type { InstanceSnapshot } from '../snapshot.ts'

/** What every instance had done at one time. */
interface Baseline {
  readonly atMs: number
  readonly requests: ReadonlyMap<string, number>
}

const windowMs = 60_000

/** Fewer requests than this say nothing about a share: by chance alone it varies by 1 / √20 = 22 %. */
const leastExpected = 20

/**
 * How far the shares of the instances are from their weights. It compares with what was seen one to two minutes ago, so that
 * its value does not depend on how often, or by how many, it is read.
 */
export class Imbalance {
  /** The oldest first. */
  #baselines: readonly Baseline[] = []

  /**
   * The largest ratio of the requests of an instance to those that its weight stands for, from 0; `undefined` before there were enough
   * requests. Counts the candidates that were known all the time.
   */
  measure(instances: readonly InstanceSnapshot[], nowMs: number): number | undefined {
    this.#moveOn(instances, nowMs)
    const [baseline] = this.#baselines
    if (baseline === undefined) return undefined
    const counted = instances.flatMap(({ instance, candidate, state, effectiveWeight, succeeded, failed }) => {
      const before = baseline.requests.get(instance.id)
      if (!candidate || state !== 'available' || before === undefined) return []
      // One that moved starts anew under its id.
      return { requests: Math.max(0, succeeded + failed - before), weight: effectiveWeight }
    })
    const requests = counted.reduce((sum, each) => sum + each.requests, 0)
    const weights = counted.reduce((sum, each) => sum + each.weight, 0)
    const ratios = counted.flatMap(({ requests: own, weight }) => {
      const expected = (requests * weight) / weights
      return expected >= leastExpected ? own / expected : []
    })
    return ratios.length === 0 ? undefined : ratios.reduce((largest, each) => Math.max(largest, each))
  }

  #moveOn(instances: readonly InstanceSnapshot[], nowMs: number): void {
    const [, second] = this.#baselines
    if (second !== undefined && nowMs - second.atMs >= windowMs) this.#baselines = this.#baselines.slice(1)
    const latest = this.#baselines.at(-1)
    if (latest !== undefined && nowMs - latest.atMs < windowMs / 2) return
    const requests = new Map(instances.map((each) => [each.instance.id, each.succeeded + each.failed]))
    this.#baselines = [...this.#baselines, { atMs: nowMs, requests }]
  }
}
