import type { ServiceInstance } from '../../instance/instance.ts'
import { type Load, LoadTable } from '../load-aware/load-table.ts'

/**
 * Determines which instances are at their limit: `factor` times their share, by weight, of all requests in
 * flight and the next request, rounded up. With a factor of at least 1, there is always one that has room.
 *
 * Source: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent hashing with bounded loads" (2016).
 */
export class BoundedLoad {
  readonly #factor: number
  readonly #table = new LoadTable<Load>((instance) => ({ instance, active: 0, listed: false }))
  /** Loads of the instances that may be picked, in the given order, and their part of the whole. */
  #loads: readonly Load[] = []
  #parts: Float64Array = new Float64Array(0)
  /** Those whose requests make up `#active`. */
  #counted: ReadonlySet<Load> = new Set()
  #active = 0

  constructor(factor: number) {
    this.#factor = factor
  }

  /** Slot `i` belongs to `members[i]`; `candidates` is the whole list. */
  update(candidates: readonly ServiceInstance[], members: readonly ServiceInstance[]): void {
    this.#loads = this.#table.update(candidates, members)
    this.#counted = new Set(this.#loads)
    this.#active = this.#loads.reduce((sum, { active }) => sum + active, 0)
    // Divided by the largest first: the sum of huge weights would overflow.
    const largest = members.reduce((most, { weight }) => Math.max(most, weight), 0)
    const relative = members.map(({ weight }) => (largest > 0 ? weight / largest : 1))
    const total = relative.reduce((sum, weight) => sum + weight, 0)
    this.#parts = Float64Array.from(relative, (weight) => weight / total)
  }

  started(instance: ServiceInstance): void {
    if (this.#counted.has(this.#table.started(instance))) this.#active++
  }

  finished(instance: ServiceInstance): void {
    const load = this.#table.finished(instance)
    if (load !== undefined && this.#counted.has(load)) this.#active--
  }

  hasRoom(slot: number): boolean {
    const allowed = Math.ceil(this.#factor * (this.#active + 1) * (this.#parts[slot] ?? 0))
    return (this.#loads[slot] as Load).active < allowed
  }
}
