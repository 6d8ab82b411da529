import type { Balancer, PickRequest, ServiceInstance } from '@lb/core'
import { describeBalancer } from './describe-balancer.ts'

/** The least loaded instance, one by chance among equals: a balancer that has use for `started` and `finished`. */
class LeastLoaded implements Balancer {
  readonly #random: () => number
  readonly #active = new Map<string, number>()
  #instances: readonly ServiceInstance[] = []

  constructor({ random }: { random: () => number }) {
    this.#random = random
  }

  update(candidates: readonly ServiceInstance[]): void {
    this.#instances = candidates.filter(({ id }, index) => candidates.findIndex((other) => other.id === id) === index)
    for (const [id, active] of this.#active) if (active === 0) this.#active.delete(id)
  }

  pick({ avoid }: PickRequest = {}): ServiceInstance | undefined {
    const allowed = this.#instances.filter(({ id }) => avoid?.has(id) !== true)
    const usable = allowed.length > 0 ? allowed : this.#instances
    const least = Math.min(...usable.map(({ id }) => this.#active.get(id) ?? 0))
    const idle = usable.filter(({ id }) => (this.#active.get(id) ?? 0) === least)
    return idle[Math.floor(this.#random() * idle.length)]
  }

  started({ id }: ServiceInstance): void {
    this.#active.set(id, (this.#active.get(id) ?? 0) + 1)
  }

  finished({ id }: ServiceInstance): void {
    const active = this.#active.get(id)
    if (active !== undefined) this.#active.set(id, Math.max(0, active - 1))
  }
}

describeBalancer('a balancer that looks at load', (options) => new LeastLoaded(options), {
  looksAtLoad: true,
})
