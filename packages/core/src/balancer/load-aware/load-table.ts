import { isSameAddress, type ServiceInstance } from '../../instance/instance.ts'
import { distinctById } from '../balancer.ts'

/** The load of one instance. */
export interface Load {
  /** Requests in flight. */
  active: number
  /** Whether the instance is in the list at present. */
  listed: boolean
  /** The instance that it belongs to. */
  readonly instance: ServiceInstance
}

/**
 * The loads of instances, by id and address. That of an instance which left the list is kept while it has requests in
 * flight, and then forgotten: the table is bounded by the list and what is in flight. Of an instance that comes back
 * meanwhile the count goes on, and everything else starts anew.
 */
export class LoadTable<L extends Load> {
  readonly #create: (instance: ServiceInstance) => L
  #loads = new Map<string, L>()
  /** Loads with requests in flight at an address that no longer belongs to their id. */
  readonly #moved = new Set<L>()

  /** `create` makes the load of an instance that is new, or was away. */
  constructor(create: (instance: ServiceInstance) => L) {
    this.#create = create
  }

  get size(): number {
    return this.#loads.size + this.#moved.size
  }

  /** Changes the list; gives the loads of some of its members, in their order. Those that rest stay, if they were listed. */
  update(
    list: readonly ServiceInstance[],
    members: readonly ServiceInstance[],
    resting: readonly ServiceInstance[] = [],
  ): L[] {
    const before = [...this.#loads.values(), ...this.#moved]
    const rests = resting.filter((instance) => this.#find(instance)?.listed === true)
    const kept = rests.length === 0 ? list : distinctById([...list, ...rests])
    const loads = new Map<string, L>()
    for (const instance of kept) loads.set(instance.id, this.#listed(instance))
    this.#loads = loads
    this.#moved.clear()
    for (const load of before) {
      const { id } = load.instance
      const now = loads.get(id)
      if (load === now || (now !== undefined && isAt(load, now.instance))) continue
      load.listed = false
      if (load.active > 0) this.#keep(load, id)
    }
    return members.map(({ id }) => loads.get(id) as L)
  }

  /** A request starts on the instance, which may have left the list since it was picked; gives its load. */
  started(instance: ServiceInstance): L {
    let load = this.#find(instance)
    if (load === undefined) {
      load = this.#create(instance)
      this.#keep(load, instance.id)
    }
    load.active++
    return load
  }

  /**
   * A request on the instance ended; gives the load that it was part of. There is none when its start was not counted,
   * as that was before the balancer was made: the count never falls below 0.
   */
  finished(instance: ServiceInstance): L | undefined {
    const load = this.#find(instance)
    if (load === undefined || load.active === 0) return undefined
    load.active--
    if (load.active === 0 && !load.listed && !this.#moved.delete(load)) this.#loads.delete(instance.id)
    return load
  }

  /** The load of an instance of the new list: what it was, if it was listed before. */
  #listed(instance: ServiceInstance): L {
    const known = this.#find(instance)
    if (known?.listed === true) return known
    const load = this.#create(instance)
    load.listed = true
    load.active = known?.active ?? 0
    return load
  }

  #keep(load: L, id: string): void {
    if (this.#loads.has(id)) this.#moved.add(load)
    else this.#loads.set(id, load)
  }

  #find(instance: ServiceInstance): L | undefined {
    const load = this.#loads.get(instance.id)
    if (load === undefined || isAt(load, instance)) return load
    for (const moved of this.#moved) {
      if (moved.instance.id === instance.id && isAt(moved, instance)) return moved
    }
    return undefined
  }
}

function isAt({ instance }: Load, other: ServiceInstance): boolean {
  return isSameAddress(instance, other)
}
