import type { ServiceInstance } from '../instance.ts'

/** What is kept of one instance. */
export interface Load {
  /** Requests in flight. */
  active: number
  /** Whether the instance is in the list at present. */
  listed: boolean
}

/**
 * The loads of instances, by id. That of an instance which left the list is kept while it has requests in flight, so
 * that it has its count when it comes back, and then forgotten: the table is bounded by the list and what is in flight.
 */
export class LoadTable<L extends Load> {
  readonly #create: () => L
  #loads = new Map<string, L>()

  /** `create` makes the load of an instance that is new, or was forgotten. */
  constructor(create: () => L) {
    this.#create = create
  }

  get size(): number {
    return this.#loads.size
  }

  /** Changes the list; gives the loads of some of its members, in their order. */
  update(list: readonly ServiceInstance[], members: readonly ServiceInstance[]): L[] {
    const before = this.#loads
    const loads = new Map<string, L>()
    for (const { id } of list) {
      const load = before.get(id) ?? this.#create()
      load.listed = true
      loads.set(id, load)
    }
    for (const [id, load] of before) {
      if (loads.has(id)) continue
      load.listed = false
      if (load.active > 0) loads.set(id, load)
    }
    this.#loads = loads
    return members.map(({ id }) => loads.get(id) as L)
  }

  /** A request starts on the instance, which may have left the list since it was picked. */
  started({ id }: ServiceInstance): void {
    let load = this.#loads.get(id)
    if (load === undefined) {
      load = this.#create()
      this.#loads.set(id, load)
    }
    load.active++
  }

  /**
   * A request on the instance ended; gives the load that it was part of. There is none when its start was not counted,
   * as that was before the balancer was made: the count never falls below 0.
   */
  finished({ id }: ServiceInstance): L | undefined {
    const load = this.#loads.get(id)
    if (load === undefined || load.active === 0) return undefined
    load.active--
    if (load.active === 0 && !load.listed) this.#loads.delete(id)
    return load
  }
}
