/** An item of a smooth weighted schedule, and where it stands. */
export class Slot<T> {
  item: T
  /** An integer ≥ 0. */
  readonly weight: number
  /** Index in the list. */
  readonly place: number
  /** nginx's current weight: what is due to it, where one turn costs the total. Without what its class has gained. */
  current = 0
  /** The same for picks with exclusions, which keep a sequence of their own. */
  detour = 0

  constructor(item: T, weight: number, place: number) {
    this.item = item
    this.weight = weight
    this.place = place
  }
}

/** Gains beyond this are written into the slots, so that every sum is exact. */
const maxGain = 2 ** 51

/** Slots of the same weight, in the order of their turns. With each step all of them gain the same, so only the first can be next. */
export class WeightClass<T> {
  readonly weight: number
  /** The one that is next. */
  due: Slot<T>
  /** A ring; its first is `due`. */
  readonly #slots: Slot<T>[]
  #first = 0
  /** What each slot has gained beyond its `current`. */
  #gain = 0

  constructor(slots: [Slot<T>, ...Slot<T>[]]) {
    slots.sort((left, right) => (isBefore(left, right) ? -1 : 1))
    this.due = slots[0]
    this.weight = this.due.weight
    this.#slots = slots
  }

  /** A step begins; gives the current weight of `due`. */
  step(): number {
    this.#gain += this.weight
    return this.due.current + this.#gain
  }

  /** `due` takes its turn. */
  takeTurn(total: number): Slot<T> {
    const slots = this.#slots
    const taken = this.due
    taken.current -= total
    // To the end of the ring, but before any that lack more than this turn.
    let index = this.#first
    for (let step = 1; step < slots.length; step++) {
      const previous = index === 0 ? slots.length - 1 : index - 1
      const other = slots[previous]
      if (other === undefined || !isBefore(taken, other)) break
      slots[index] = other
      index = previous
    }
    slots[index] = taken
    this.#first = this.#first + 1 < slots.length ? this.#first + 1 : 0
    this.due = slots[this.#first] ?? taken
    if (this.#gain > maxGain) this.settle()
    return taken
  }

  /** Writes what was gained into the slots. */
  settle(): void {
    for (const slot of this.#slots) slot.current += this.#gain
    this.#gain = 0
  }
}

function isBefore<T>(left: Slot<T>, right: Slot<T>): boolean {
  return left.current > right.current || (left.current === right.current && left.place < right.place)
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
