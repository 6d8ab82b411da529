import { type Random, randomInteger } from '../../base/random.ts'

/** An item of a smooth weighted schedule, and where it stands. */
export class Slot<T> {
  item: T
  /** An integer ≥ 0. */
  readonly weight: number
  /** Index in the list. */
  readonly place: number
  /** nginx's current weight: what is due to it, where one turn costs the total. */
  current = 0
  /** The same for picks with exclusions, which keep a sequence of their own. */
  detour = 0
  /** `current` when the recorded cycle began. */
  recordedFrom = 0

  constructor(item: T, weight: number, place: number) {
    this.item = item
    this.weight = weight
    this.place = place
  }

  /** `current` as it counts in the next step. */
  get standing(): number {
    return this.current + this.weight
  }
}

/** The slot whose turn is next: the first one with the largest standing. */
export function mostDue<T>(slots: readonly Slot<T>[]): Slot<T> | undefined {
  let best: Slot<T> | undefined
  for (const slot of slots) if (best === undefined || slot.standing > best.standing) best = slot
  return best
}

/** A slot drawn by weight; `total` is the sum of the weights. */
export function drawnByWeight<T>(slots: readonly Slot<T>[], total: number, random: Random): Slot<T> | undefined {
  let rest = randomInteger(random, total)
  return slots.find(({ weight }) => {
    rest -= weight
    return rest < 0
  })
}
