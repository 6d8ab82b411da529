import { seededRandom } from '@lb/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { churnRuns } from '../../../test/churn.ts'
import { NginxOracle } from '../../../test/nginx-oracle.ts'
import { fiveDeviations } from '../../../test/tolerance.ts'
import { toIntegerWeights } from '../integer-weights.ts'
import { SmoothWeightedSchedule } from './schedule.ts'

interface Item {
  readonly key: string
  readonly weight: number
  readonly slot: number
}

/** A schedule over numbered slots. */
class Slots {
  readonly #schedule: SmoothWeightedSchedule<Item>
  #items: readonly Item[] = []
  #keys = 0

  constructor(weights: readonly number[], phase: number | (() => number)) {
    this.#schedule = new SmoothWeightedSchedule(phase, { keyOf: ({ key }) => key, weightOf: ({ weight }) => weight })
    this.change(
      weights,
      weights.map(() => -1),
    )
  }

  /** `origin[i]` is the slot that slot `i` was before, or -1 for a new one. */
  change(weights: readonly number[], origin: readonly number[]): void {
    const before = this.#items
    this.#items = weights.map((weight, slot) => {
      return { key: before[origin[slot] ?? -1]?.key ?? `key ${this.#keys++}`, weight, slot }
    })
    this.#schedule.update(this.#items, origin)
  }

  next(): number {
    return this.#schedule.next()?.slot ?? -1
  }

  nextExcept(excluded: (slot: number) => boolean): number {
    return this.#schedule.nextExcept(({ slot }) => excluded(slot))?.slot ?? -1
  }

  currents(): readonly number[] {
    return this.#schedule.currents()
  }
}

function schedule(weights: readonly number[], phase: number | (() => number) = 0): Slots {
  return new Slots(weights, phase)
}

function take(from: Slots, count: number): number[] {
  return Array.from({ length: count }, () => from.next())
}

function letters(slots: readonly number[]): string {
  return slots.map((slot) => 'abcdefgh'[slot]).join('')
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function countsOf(slots: readonly number[], length: number): number[] {
  const counts = Array.from({ length }, () => 0)
  for (const slot of slots) counts[slot] = (counts[slot] ?? 0) + 1
  return counts
}

const sequences: readonly [number[], string][] = [
  [[5, 1, 1], 'aabacaa'],
  [[3, 2, 1], 'abacba'],
  [[4, 2, 1], 'abacaba'],
  [[1, 2, 3], 'cbacbc'],
  [[5, 3, 2], 'abcaabacba'],
  [[7, 3], 'abaaabaaba'],
  [[2, 1], 'aba'],
]

describe('SmoothWeightedSchedule', () => {
  it.each(sequences)('gives the sequence of nginx for %j: %s', (weights, cycle) => {
    expect(letters(take(schedule(weights), 2 * cycle.length))).toBe(cycle + cycle)
  })

  it.each(sequences)('enters the sequence of %j at the given phase', (weights, cycle) => {
    for (let phase = 0; phase < 2 * cycle.length; phase++) {
      const expected = (cycle + cycle + cycle).slice(phase, phase + cycle.length)
      expect(letters(take(schedule(weights, phase), cycle.length))).toBe(expected)
    }
  })

  it.each(sequences)('has exact counts in any window of one cycle, for %j', (weights, cycle) => {
    const slots = take(schedule(weights, seededRandom(1)), 5 * cycle.length)
    for (let from = 0; from <= 4 * cycle.length; from++) {
      expect(countsOf(slots.slice(from, from + cycle.length), weights.length)).toEqual(weights)
    }
  })

  it.each(sequences)(
    'has currents that sum to zero always, and are zero after each cycle, for %j',
    (weights, cycle) => {
      const tested = schedule(weights)
      for (let pick = 1; pick <= 4 * cycle.length; pick++) {
        tested.next()
        expect(sum(tested.currents())).toBe(0)
        if (pick % cycle.length === 0) expect(tested.currents()).toEqual(weights.map(() => 0))
      }
    },
  )

  it('repeats itself after sum ÷ greatest common divisor picks', () => {
    expect(letters(take(schedule([500, 100, 100]), 14))).toBe('aabacaaaabacaa')
    expect(letters(take(schedule([0.5, 1.5]), 8))).toBe('babbbabb')
  })

  it('never takes a slot of weight 0 among positive ones, and takes all in turn when all are 0', () => {
    expect(letters(take(schedule([0, 2, 0, 1]), 6))).toBe('bdbbdb')
    expect(letters(take(schedule([0, 0, 0]), 6))).toBe('abcabc')
  })
})

describe('SmoothWeightedSchedule against a naive oracle', () => {
  it('replays what nginx would compute, for several cycles of any weights', () => {
    const weights = fc.array(fc.nat(40), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(weights, (list) => {
        const integers = Array.from(toIntegerWeights(list))
        const picks = 3 * sum(integers) + 2
        const oracle = new NginxOracle(integers)
        const tested = schedule(list)
        expect(take(tested, picks)).toEqual(oracle.take(picks))
        expect(tested.currents()).toEqual(oracle.currents())
      }),
      { seed: 1, numRuns: 1_000 },
    )
  })

  it.each([
    ['just short enough to be replayed', [40_001, 20_011, 5_524]],
    ['one too long to be replayed', [40_001, 20_011, 5_525]],
    ['much too long to be replayed', [99_991, 50_021, 3]],
  ])('follows nginx through a cycle that is %s', (_, weights) => {
    const cycle = sum(weights)
    const tested = schedule(weights)
    const oracle = new NginxOracle(weights)
    for (let round = 0; round < 2; round++) {
      const slots = take(tested, cycle)
      expect(slots.every((slot) => slot === oracle.next())).toBe(true)
      expect(countsOf(slots, weights.length)).toEqual(weights)
      expect(tested.currents()).toEqual([0, 0, 0])
    }
  })

  it('enters any cycle at any phase as if it had walked there', () => {
    const weights = fc.array(fc.oneof(fc.nat(5), fc.nat(60)), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(weights, fc.nat(400), (list, phase) => {
        const integers = Array.from(toIntegerWeights(list))
        const oracle = new NginxOracle(integers)
        oracle.take(phase % sum(integers))
        const tested = schedule(list, phase)
        expect(tested.currents()).toEqual(oracle.currents())
        expect(take(tested, 20)).toEqual(oracle.take(20))
      }),
      { seed: 2, numRuns: 1_000 },
    )
  })

  it('follows nginx with weights of any size', () => {
    const weights = [Number.MAX_VALUE, 1e300, 1e-12, Number.MAX_VALUE / 3]
    const oracle = new NginxOracle(Array.from(toIntegerWeights(weights)))
    expect(take(schedule(weights), 10_000)).toEqual(oracle.take(10_000))
  })

  it('stays exact through millions of picks with large weights', () => {
    const weights = [2 ** 31 - 1, 2 ** 31 - 3]
    const oracle = new NginxOracle(weights)
    const tested = schedule(weights)
    let differences = 0
    for (let pick = 0; pick < 5_000_000; pick++) if (tested.next() !== oracle.next()) differences++
    expect(differences).toBe(0)
    expect(tested.currents()).toEqual(oracle.currents())
  })

  it('replays slots beyond 65 535 rightly', () => {
    const weights = [...Array.from({ length: 70_000 }, () => 0), 2, 1]
    expect(take(schedule(weights), 9)).toEqual([0, 1, 0, 0, 1, 0, 0, 1, 0].map((offset) => 70_000 + offset))
  })
})

describe('SmoothWeightedSchedule at a random phase', () => {
  it.each([
    ['99:1', [99, 1]],
    ['5:1:1', [5, 1, 1]],
    ['seven equal ones', [1, 1, 1, 1, 1, 1, 1]],
    ['a light one among heavy ones', [300, 200, 1]],
  ])('matches the weights over the first picks of clients spread over the cycle: %s', (_, weights) => {
    const total = sum(weights)
    const firsts = Array.from({ length: 10 * total }, (__, client) => {
      return schedule(weights, () => (client + 0.5) / (10 * total)).next()
    })
    expect(countsOf(firsts, weights.length)).toEqual(weights.map((weight) => 10 * weight))
  })

  it.each([
    [
      '1 000 slots, a tenth of them of weight 100',
      Array.from({ length: 1_000 }, (_, slot) => (slot % 10 === 0 ? 100 : 1)),
    ],
    ['1 000 slots of weights 1, 2 and 3', Array.from({ length: 1_000 }, (_, slot) => 1 + (slot % 3))],
    ['100 slots of weights 300 and 7', Array.from({ length: 100 }, (_, slot) => (slot % 2 === 0 ? 300 : 7))],
    ['3 slots of large weights and a tiny one', [33_333, 33_331, 1]],
  ])('matches the weights over the first picks of 1 000 clients: %s', (_, weights) => {
    const clients = 1_000
    const random = seededRandom(2)
    const firsts = Array.from({ length: clients }, () => weights[schedule(weights, random).next()])
    for (const weight of new Set(weights)) {
      const share = sum(weights.filter((other) => other === weight)) / sum(weights)
      const count = firsts.filter((first) => first === weight).length
      // At least one whole client, as the normal approximation is none for a mean far below 1.
      expect(Math.abs(count - clients * share), `weight ${weight}`).toBeLessThan(1 + fiveDeviations(clients, share))
    }
  })

  it('matches the weights over the first picks of 1 000 clients when the cycle is far too long to be walked', () => {
    const clients = 1_000
    const random = seededRandom(5)
    const weights = Array.from({ length: 200 }, (_, slot) => (slot % 2 === 0 ? 1_000_003 : 10_007) + slot)
    const heavy = sum(weights.filter((weight) => weight > 1_000_000)) / sum(weights)
    const firsts = Array.from({ length: clients }, () => schedule(weights, random).next())
    const count = firsts.filter((slot) => slot % 2 === 0).length
    expect(Math.abs(count - clients * heavy)).toBeLessThan(fiveDeviations(clients, heavy))
  })

  it.each([
    [[1e300, 1e300 / 3]],
    [[2 ** 31 - 1, 2 ** 31 - 3, 7]],
    [Array.from({ length: 500 }, (_, slot) => 1 + ((slot * 7919) % 997))],
  ])('has currents that sum to zero, however long the cycle (case %#)', (weights) => {
    const random = seededRandom(3)
    for (let client = 0; client < 50; client++) {
      const tested = schedule(weights, random)
      expect(sum(tested.currents())).toBe(0)
      tested.next()
      expect(sum(tested.currents())).toBe(0)
    }
  })

  it('has exact counts in the first cycle already, however long it is', () => {
    const random = seededRandom(4)
    for (let client = 0; client < 40; client++) {
      const weights = Array.from({ length: 60 }, () => 1 + Math.floor(random() * 1_000))
      const integers = Array.from(toIntegerWeights(weights))
      expect(countsOf(take(schedule(weights, random), sum(integers)), 60)).toEqual(integers)
    }
  })

  it('enters a long cycle at a given phase without walking all the way there', { timeout: 1_000 }, () => {
    expect(sum(schedule([2 ** 31 - 1, 2 ** 31 - 3], 2 ** 28).currents())).toBe(0)
  })
})

describe('SmoothWeightedSchedule after a change', () => {
  interface Change {
    readonly weights: number[]
    readonly origin: number[]
  }

  // Slots and weights drawn anew; what a slot was before is drawn among the old ones, each once at most.
  const changes = fc.array(
    fc.record({
      picks: fc.nat(40),
      slots: fc.array(fc.record({ weight: fc.oneof(fc.nat(9), fc.constantFrom(100, 2.5)), fresh: fc.nat(3) }), {
        minLength: 1,
        maxLength: 6,
      }),
      order: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
    }),
    { minLength: 1, maxLength: 6 },
  )

  function changeOf(
    slots: readonly { weight: number; fresh: number }[],
    order: readonly number[],
    old: number,
  ): Change {
    const origin = slots.map(({ fresh }, slot) => (fresh === 0 || (order[slot] ?? 0) >= old ? -1 : (order[slot] ?? -1)))
    return { weights: slots.map(({ weight }) => weight), origin }
  }

  it('takes each slot as nginx would from the carried currents, within one turn at first and exactly then', () => {
    fc.assert(
      fc.property(changes, fc.nat(50), (list, phase) => {
        let size = 3
        const tested = schedule([3, 0, 2], phase)
        for (const { picks, slots, order } of list) {
          take(tested, picks)
          const { weights, origin } = changeOf(slots, order, size)
          tested.change(weights, origin)
          size = weights.length
          expect(sum(tested.currents())).toBe(0)
        }
        const weights = list.at(-1)?.slots.map(({ weight }) => weight) ?? []
        expectExactFromSecondCycle(tested, Array.from(toIntegerWeights(weights)))
      }),
      churnRuns,
    )
  })

  it('carries the credit of survivors over as a fraction of a turn', () => {
    fc.assert(
      fc.property(changes, fc.nat(50), (list, skipped) => {
        let before = [3, 4, 2]
        const tested = schedule(before, skipped)
        for (const { picks, slots, order } of list) {
          take(tested, picks)
          const { weights, origin } = changeOf(slots, order, before.length)
          const carried = carriedOver(tested.currents(), before, weights, origin)
          tested.change(weights, origin)
          before = weights
          // Without survivors there is nothing to carry.
          if (origin.every((old) => old === -1)) continue
          for (const [slot, current] of tested.currents().entries()) {
            // Half a unit of rounding for each slot, spread by weight, one for the cut share and one for the rest.
            expect(Math.abs(current - (carried[slot] ?? 0))).toBeLessThanOrEqual(0.5 + weights.length / 2 + 2)
          }
        }
      }),
      churnRuns,
    )
  })

  it.each(sequences)(
    'goes on where it was in the sequence of %j when nothing but the order of slots changes',
    (weights) => {
      const last = weights.length - 1
      const tested = schedule(weights)
      const oracle = new NginxOracle(weights)
      expect(take(tested, 2)).toEqual(oracle.take(2))
      tested.change(
        weights.toReversed(),
        weights.map((_, slot) => last - slot),
      )
      expect(tested.currents()).toEqual(oracle.currents().toReversed())
    },
  )

  it('keeps picks that pass somebody over out of the turns', () => {
    const tested = schedule([5, 1, 1])
    let sequence = ''
    for (let pick = 0; pick < 14; pick++) {
      sequence += letters(take(tested, 1))
      for (let retry = 0; retry < pick % 3; retry++) expect(tested.nextExcept((slot) => slot === 0)).not.toBe(0)
    }
    expect(sequence).toBe('aabacaaaabacaa')
  })

  it('gives picks that pass somebody over to the others by their weights', () => {
    const tested = schedule([9, 5, 1, 1], 3)
    expect(letters(Array.from({ length: 7 }, () => tested.nextExcept((slot) => slot === 0)))).toBe('bbcbdbb')
    expect(tested.nextExcept(() => true)).toBe(-1)
  })
})

function expectExactFromSecondCycle(tested: Slots, weights: readonly number[]): void {
  const cycle = sum(weights)
  const oracle = new NginxOracle(weights, tested.currents())
  for (let round = 0; round < 3; round++) {
    const slots = take(tested, cycle)
    expect(slots).toEqual(oracle.take(cycle))
    for (const [slot, count] of countsOf(slots, weights.length).entries()) {
      expect(Math.abs(count - (weights[slot] ?? 0))).toBeLessThanOrEqual(round === 0 ? 1 : 0)
    }
    expect(sum(tested.currents())).toBe(0)
  }
}

/** What the currents should be after a change, in real numbers. */
function carriedOver(
  currents: readonly number[],
  before: readonly number[],
  after: readonly number[],
  origin: readonly number[],
): number[] {
  const weights = Array.from(toIntegerWeights(after))
  const [oldTotal, total] = [sum(Array.from(toIntegerWeights(before))), sum(weights)]
  const carried = origin.map((old, slot) => {
    return old < 0 || weights[slot] === 0 ? 0 : ((currents[old] ?? 0) / oldTotal) * total
  })
  const surplus = sum(carried)
  return carried.map((current, slot) => current - (surplus * (weights[slot] ?? 0)) / total)
}
