/** An item of a smooth weighted schedule, and where it stands. */
export interface Slot<T> {
  item: T
  /** An integer ≥ 0. */
  readonly weight: number
  /** Index in the list. */
  readonly place: number
  /** nginx's current weight, without what the steps since it was written added to it: what is due, where one turn costs the total. */
  credit: number
  /** The same for picks with exclusions, which keep a sequence of their own. */
  detour: number
}

/** Slots of the same weight, in the order of their turns. With each step all of them gain the same, so only the first can be next. */
export class WeightClass<T> {
  readonly weight: number
  /** The one that is next. */
  due: Slot<T>
  /** A ring; its first is `due`. */
  readonly #slots: Slot<T>[]
  #first = 0

  constructor(slots: [Slot<T>, ...Slot<T>[]]) {
    this.#slots = slots.sort((left, right) => right.credit - left.credit || left.place - right.place)
    this.due = slots[0]
    this.weight = this.due.weight
  }

  /** `due` takes its turn: it goes to the end of the ring, but before any that lack more than this turn. */
  takeTurn(total: number): Slot<T> {
    const slots = this.#slots
    const taken = this.due
    taken.credit -= total
    let at = this.#first
    this.#first = at + 1 < slots.length ? at + 1 : 0
    while (at !== this.#first) {
      const previous = at === 0 ? slots.length - 1 : at - 1
      const other = slots[previous] as Slot<T>
      const { credit } = other
      if (credit > taken.credit || (credit === taken.credit && other.place < taken.place)) break
      slots[at] = other
      at = previous
    }
    slots[at] = taken
    this.due = slots[this.#first] as Slot<T>
    return taken
  }
}

/** The slots that have a weight, by it. */
export function weightClasses<T>(slots: readonly Slot<T>[]): readonly WeightClass<T>[] {
  const members = new Map<number, [Slot<T>, ...Slot<T>[]]>()
  for (const slot of slots) {
    const others = members.get(slot.weight)
    if (others !== undefined) others.push(slot)
    else if (slot.weight > 0) members.set(slot.weight, [slot])
  }
  return Array.from(members.values(), (each) => new WeightClass(each))
}
