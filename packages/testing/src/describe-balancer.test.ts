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
    for (const [key, active] of this.#active) if (active === 0) this.#active.delete(key)
  }

  pick({ avoid }: PickRequest = {}): ServiceInstance | undefined {
    const allowed = this.#instances.filter(({ id }) => avoid?.has(id) !== true)
    const usable = allowed.length > 0 ? allowed : this.#instances
    const least = Math.min(...usable.map((instance) => this.#active.get(keyOf(instance)) ?? 0))
    const idle = usable.filter((instance) => (this.#active.get(keyOf(instance)) ?? 0) === least)
    return idle[Math.floor(this.#random() * idle.length)]
  }

  started(instance: ServiceInstance): void {
    const key = keyOf(instance)
    this.#active.set(key, (this.#active.get(key) ?? 0) + 1)
  }

  finished(instance: ServiceInstance): void {
    const key = keyOf(instance)
    const active = this.#active.get(key)
    if (active !== undefined) this.#active.set(key, Math.max(0, active - 1))
  }
}

/** One at another address is another instance, whatever its id. */
function keyOf({ id, host, port }: ServiceInstance): string {
  return `${id} ${host}:${port}`
}

describeBalancer('a balancer that looks at load', (options) => new LeastLoaded(options), {
  looksAtLoad: true,
})
