import { rejectOption } from '../../base/option-checks.ts'
import { checkOptions, integerOption, type OptionTable, withDefaults } from '../../base/option-table.ts'
import { type Random, randomInteger } from '../../base/random.ts'
import type { XxHash64 } from '../../base/xxhash64.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { Balancer, PickRequest } from '../balancer.ts'
import { HashedOwners, type HashedPlaces, hashingTable, type Owner, type SeededHash } from './hashed-owners.ts'

/** Options of a `RingHashBalancer`. */
export interface RingHashOptions {
  /**
   * Fewest points on the ring, from 1 to 8 388 608. With more points, shares are closer to the weights.
   * @default 1_024, or `maxRingSize` if that is smaller
   */
  readonly minRingSize?: number | undefined
  /**
   * Most points on the ring, from 1 to 8 388 608; every instance has at least one point anyway.
   * @default 4_096, or `minRingSize` if that is larger
   */
  readonly maxRingSize?: number | undefined
  /**
   * Bound on the requests in flight of an instance, as a multiple of its share, from 1 to 1 000; 1.25 is usual. A
   * busier instance is skipped for the next on the ring.
   * @default undefined: no bound
   */
  readonly loadFactor?: number | undefined
  /**
   * What an instance is on the ring: by default its id. With the name of a place that outlives it, such as the ordinal of a StatefulSet, a
   * successor gets the keys of its predecessor. Of instances with the same one, the first by id counts as the place.
   * @default the id
   */
  readonly hashKeyOf?: ((instance: ServiceInstance) => string) | undefined
  /**
   * Integer from 0 to 2^53 − 1, the same in all processes that should agree. With one that is kept secret, a client that chooses its keys
   * cannot aim at one instance.
   * @default 0
   */
  readonly seed?: number | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

const mostPoints = 8_388_608

/** What may be said of the balancer. */
export const ringHashTable: OptionTable<RingHashOptions, 'loadFactor' | 'hashKeyOf' | 'minRingSize' | 'maxRingSize'> = {
  ...hashingTable,
  minRingSize: integerOption({ min: 1, max: mostPoints }),
  maxRingSize: integerOption({ min: 1, max: mostPoints }),
}

/**
 * Consistent hashing: instances have points on a ring, by weight, and a request goes to the instance of the first point
 * at or after the hash of its `hashKey`. A request without a key goes to a random place. Requests that avoid an instance
 * go to the next one on the ring. A pick is O(log points).
 *
 * If an instance joins or leaves, the keys that it gets or had move. Where that changes the number of points of the others,
 * which keeps the size of the ring, up to as many again do: with 5 to 20 instances of equal weight and the default size, 1.5 to
 * 1.7 times the keys of the one in the mean. `MaglevBalancer` moves 1.0 to 1.1 times. The points are those of gRPC and Envoy.
 *
 * Points are XXH64 of `${id}_${i}`, with `seed`; the id is `host:port` unless the registry sets another. Equal lists
 * give equal rings in any process and any order. The lightest instance gets a whole number of points, so shares on a
 * ring of `minRingSize` follow the weights, except for the randomness of the points; `MaglevBalancer` is more even.
 *
 * Sources: D. Karger et al., "Consistent hashing and random trees" (1997); Envoy, ring hash; gRFC A42.
 */
export class RingHashBalancer implements Balancer {
  /** True: `pick` uses `hashKey`. */
  readonly heedsHashKey: boolean = true
  readonly #owners: HashedOwners

  /** @throws InvalidOptionError */
  constructor(options: RingHashOptions = {}) {
    checkOptions('RingHashBalancer', options, ringHashTable)
    const { minRingSize = Math.min(1_024, options.maxRingSize ?? 1_024) } = options
    const { maxRingSize = Math.max(4_096, minRingSize) } = options
    if (minRingSize > maxRingSize) {
      rejectOption('RingHashBalancer.minRingSize', `at most maxRingSize (${maxRingSize})`, minRingSize)
    }
    this.#owners = new HashedOwners(new RingPlaces(minRingSize, maxRingSize), withDefaults(options, hashingTable))
  }

  get [Symbol.toStringTag](): string {
    return 'RingHashBalancer'
  }

  /** Replaces the candidates; the remaining ones keep their state. */
  update(candidates: readonly ServiceInstance[]): void {
    this.#owners.update(candidates)
  }

  /** Picks the instance of the first point at or after the hash of `hashKey`. */
  pick(request?: PickRequest): ServiceInstance | undefined {
    return this.#owners.pick(request)
  }

  /** Counts a request in flight on `instance`. */
  started(instance: ServiceInstance): void {
    this.#owners.started(instance)
  }

  /** Ends a request in flight on `instance`. */
  finished(instance: ServiceInstance): void {
    this.#owners.finished(instance)
  }
}

class RingPlaces implements HashedPlaces {
  readonly #minSize: number
  readonly #maxSize: number
  /** The halves of the hashes of the points, in ascending order. */
  #highs: Uint32Array = new Uint32Array(0)
  #lows: Uint32Array = this.#highs

  constructor(minSize: number, maxSize: number) {
    this.#minSize = minSize
    this.#maxSize = maxSize
  }

  placeOf({ high, low }: XxHash64): number {
    return this.#firstFrom(high, low)
  }

  randomPlace(random: Random): number {
    return this.#firstFrom(randomInteger(random, 2 ** 32), 0)
  }

  #firstFrom(high: number, low: number): number {
    const highs = this.#highs
    const lows = this.#lows
    let from = 0
    let to = highs.length
    while (from < to) {
      const middle = (from + to) >>> 1
      const pointHigh = highs[middle] ?? 0
      if (pointHigh > high || (pointHigh === high && (lows[middle] ?? 0) >= low)) to = middle
      else from = middle + 1
    }
    // Beyond the last point is the first: it is a ring.
    return from < highs.length ? from : 0
  }

  layOut(owners: readonly Owner[], seeded: SeededHash): Uint32Array {
    const counts = pointCounts(owners, this.#minSize, this.#maxSize)
    const size = counts.reduce((sum, count) => sum + count, 0)
    const highs = new Uint32Array(size)
    const lows = new Uint32Array(size)
    const slots = new Uint32Array(size)
    let point = 0
    for (const [slot, { key }] of owners.entries()) {
      for (let number = 0; number < (counts[slot] ?? 0); number++) {
        const hash = seeded.of(`${key}_${number}`)
        highs[point] = hash.high
        lows[point] = hash.low
        slots[point++] = slot
      }
    }
    const order = Uint32Array.from(highs.keys()).sort(
      (a, b) => (highs[a] ?? 0) - (highs[b] ?? 0) || (lows[a] ?? 0) - (lows[b] ?? 0) || a - b,
    )
    this.#highs = order.map((index) => highs[index] ?? 0)
    this.#lows = order.map((index) => lows[index] ?? 0)
    return order.map((index) => slots[index] ?? 0)
  }
}

/**
 * Points of each owner: as many to a unit of weight as give the lightest a whole number and the ring at least `minSize`,
 * but not more than `maxSize`. Fractions of a point are carried from one owner to the next, so that they add up.
 */
function pointCounts(owners: readonly Owner[], minSize: number, maxSize: number): number[] {
  const total = owners.reduce((sum, { weight }) => sum + weight, 0)
  const lightest = owners.reduce((least, { weight }) => Math.min(least, weight), Number.POSITIVE_INFINITY)
  // Multiplied before it is divided, so that whole numbers stay whole.
  const scale = Math.min((Math.ceil((lightest * minSize) / total) * total) / lightest, maxSize)
  let given = 0
  let due = 0
  return owners.map(({ weight }) => {
    due += (scale * weight) / total
    // Rounding must not cost a point that is due in full.
    const count = Math.max(1, Math.ceil(due - given - 1e-6))
    given += count
    return count
  })
}
