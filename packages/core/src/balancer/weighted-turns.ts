import type { Random } from '../random.ts'
import { SmoothWeightedSchedule } from './smooth-weighted-schedule.ts'

/** How the items of `WeightedTurns` are told apart and weighed. */
export interface WeightedItem<T> {
  readonly keyOf: (item: T) => string
  readonly weightOf: (item: T) => number
}

/**
 * Items that take turns by weight, smoothly: a `SmoothWeightedSchedule` over a list that changes. Once a cycle is known,
 * the items stand in an array in the order of their turns, and the next one is one look at it.
 */
export class WeightedTurns<T> {
  readonly #phase: number | Random
  readonly #item: WeightedItem<T>
  readonly #schedule = new SmoothWeightedSchedule()
  #items: readonly T[] = []
  #turns: readonly T[] | undefined
  #position = 0

  constructor(phase: number | Random, item: WeightedItem<T>) {
    this.#phase = phase
    this.#item = item
  }

  /**
   * Changes the items. Survivors keep their place; when nothing but the items' other fields changed, so does everybody.
   * `origins`: for each of them where the item with its key stood before, or −1, when the caller knows.
   */
  update(items: readonly T[], origins?: readonly number[]): void {
    const { weightOf } = this.#item
    const before = this.#items
    this.#items = items
    if (this.#turns !== undefined) this.#schedule.position = this.#position
    this.#turns = undefined
    const same = before.length === items.length && items.every((item, slot) => this.#isSame(item, before[slot] as T))
    if (!same) {
      const origin = origins ?? this.#origins(before, items)
      const weights = items.map(weightOf)
      if (this.#isPlaceLost(origin)) this.#schedule.reset(weights, this.#phase)
      else this.#schedule.reconcile(weights, origin, typeof this.#phase === 'function' ? this.#phase : undefined)
    }
    this.#followCycle()
  }

  /** The item whose turn it is; `undefined` when there is none. */
  next(): T | undefined {
    const turns = this.#turns
    if (turns === undefined) return this.#nextRecording()
    const position = this.#position
    const following = position + 1
    this.#position = following < turns.length ? following : 0
    return turns[position]
  }

  /** An item for which `excluded` is false, by weight; `undefined` when there is none. Takes nobody's turn. */
  nextExcept(excluded: (item: T) => boolean): T | undefined {
    const items = this.#items
    return items[this.#schedule.nextExcept((slot) => excluded(items[slot] as T))]
  }

  #nextRecording(): T | undefined {
    if (this.#items.length === 0) return undefined
    const item = this.#items[this.#schedule.next()]
    this.#followCycle()
    return item
  }

  #followCycle(): void {
    const { cycle, position } = this.#schedule
    if (cycle === undefined) return
    this.#turns = Array.from(cycle, (slot) => this.#items[slot] as T)
    this.#position = position
  }

  /**
   * Without survivors there is no place to keep. When the one that was next is gone, it is given up for a random one: all
   * clients whose next was within a batch that was replaced would go on in step otherwise.
   */
  #isPlaceLost(origin: readonly number[]): boolean {
    if (origin.every((slot) => slot === -1)) return true
    return typeof this.#phase === 'function' && !origin.includes(this.#schedule.peek())
  }

  #origins(before: readonly T[], items: readonly T[]): readonly number[] {
    const { keyOf } = this.#item
    const slots = new Map(before.map((item, slot) => [keyOf(item), slot]))
    return items.map((item) => slots.get(keyOf(item)) ?? -1)
  }

  #isSame(item: T, before: T): boolean {
    const { keyOf, weightOf } = this.#item
    return keyOf(item) === keyOf(before) && weightOf(item) === weightOf(before)
  }
}
