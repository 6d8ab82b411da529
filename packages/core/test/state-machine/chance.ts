import { seededRandom } from '@lb/testing'

/** Choices of one run, the same for the same seed. */
export class Chance {
  readonly random: () => number

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** True with this probability. */
  is(probability: number): boolean {
    return this.random() < probability
  }

  /** An integer in [`min`, `max`]. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1))
  }

  of<T>(...values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)] as T
  }

  /** Each of them with this probability. */
  some<T>(values: readonly T[], probability: number): T[] {
    return values.filter(() => this.is(probability))
  }
}
