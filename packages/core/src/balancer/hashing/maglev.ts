import { rejectOption } from '../../base/option-checks.ts'
import { checkOptions, integerOption, type OptionTable, withDefaults } from '../../base/option-table.ts'
import { type Random, randomInteger } from '../../base/random.ts'
import type { XxHash64 } from '../../base/xxhash64.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import type { Balancer, PickRequest } from '../balancer.ts'
import { HashedOwners, type HashedPlaces, hashingTable, type Owner, type SeededHash } from './hashed-owners.ts'

/** Options of a `MaglevBalancer`. */
export interface MaglevOptions {
  /**
   * Places in the table: a prime from 3 to 5 000 011, preferably at least a hundred times the number of instances. A
   * larger table is more even, and fewer keys move.
   * @default 65_537
   */
  readonly tableSize?: number | undefined
  /**
   * Bound on the requests in flight of an instance, as a multiple of its share, from 1 to 1 000; 1.25 is usual. A
   * busier instance is skipped for the next in the table.
   * @default undefined: no bound
   */
  readonly loadFactor?: number | undefined
  /**
   * What an instance is on the table: by default its id. With the name of a place that outlives it, such as the ordinal of a StatefulSet, a
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

/** What may be said of the balancer. */
export const maglevTable: OptionTable<MaglevOptions, 'loadFactor' | 'hashKeyOf'> = {
  ...hashingTable,
  tableSize: integerOption({ min: 3, max: 5_000_011, default: 65_537 }),
}

/**
 * Consistent hashing by a table in which instances claim places in turn, by weight, each in its own order. A request
 * goes to the owner of the place of its `hashKey`. Shares follow the weights to within one place. If an instance joins
 * or leaves, the keys that it gets or had move, and few others: with the default size and equal weights, up to 10 % as many with
 * 20 instances, a quarter with 50, and 1.5 times as many with 200. A request without a key goes to a random place.
 * Requests that avoid an instance go to the next one in the table. A pick is O(1).
 *
 * The order of an instance starts at XXH64(id) mod tableSize and continues in steps of XXH64(id, seed ^ 1) mod (tableSize
 * − 1) + 1; the id is `host:port` unless the registry sets another. Equal lists give equal tables in any process and
 * any order.
 *
 * Sources: D. Eisenbud et al., "Maglev: A fast and reliable software network load balancer" (2016); weights as in
 * Envoy.
 */
export class MaglevBalancer implements Balancer {
  /** True: `pick` uses `hashKey`. */
  readonly heedsHashKey: boolean = true
  readonly #owners: HashedOwners

  /** @throws InvalidOptionError */
  constructor(options: MaglevOptions = {}) {
    checkOptions('MaglevBalancer', options, maglevTable)
    const values = withDefaults(options, maglevTable)
    const { tableSize } = values
    if (!isPrime(tableSize)) {
      rejectOption('MaglevBalancer.tableSize', 'a prime number', tableSize, `The next one is ${nextPrime(tableSize)}`)
    }
    this.#owners = new HashedOwners(new MaglevPlaces(tableSize), values)
  }

  get [Symbol.toStringTag](): string {
    return 'MaglevBalancer'
  }

  /** Replaces the candidates; the remaining ones keep their state. */
  update(candidates: readonly ServiceInstance[]): void {
    this.#owners.update(candidates)
  }

  /** Picks the owner of the place of `hashKey`. */
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

class MaglevPlaces implements HashedPlaces {
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  placeOf(hash: XxHash64): number {
    return hash.remainder(this.#size)
  }

  randomPlace(random: Random): number {
    return randomInteger(random, this.#size)
  }

  layOut(owners: readonly Owner[], seeded: SeededHash): Int32Array {
    const size = this.#size
    const table = new Int32Array(size).fill(-1)
    if (owners.length === 0) return table
    const next = Uint32Array.from(owners, ({ key }) => seeded.of(key).remainder(size))
    const steps = Uint32Array.from(owners, ({ key }) => seeded.of(key, 1).remainder(size - 1) + 1)
    let free = size
    takeTurnsByWeight(owners, size, (slot) => {
      let place = next[slot] ?? 0
      const step = steps[slot] ?? 0
      while (table[place] !== -1) place = place + step < size ? place + step : place + step - size
      table[place] = slot
      next[slot] = place
      free--
      return free > 0
    })
    return table
  }
}

/**
 * Calls `claim` for each owner in turn until it gives false, after at most `rounds` rounds: the heaviest has a turn in each,
 * one half as heavy in every second. An owner waits in the queue of the round of its next turn, so that light ones cost
 * nothing in between.
 */
function takeTurnsByWeight(owners: readonly Owner[], rounds: number, claim: (slot: number) => boolean): void {
  const heaviest = owners.reduce((most, { weight }) => Math.max(most, weight), 0)
  const turns = new Uint32Array(owners.length)
  const heads = new Int32Array(rounds + 1).fill(-1)
  const tails = new Int32Array(rounds + 1)
  const following = new Int32Array(owners.length)
  const enqueue = (slot: number, round: number): void => {
    if (round > rounds) return
    if (heads[round] === -1) heads[round] = slot
    else following[tails[round] ?? 0] = slot
    tails[round] = slot
    following[slot] = -1
  }
  for (const slot of owners.keys()) enqueue(slot, 1)
  for (let round = 1; round <= rounds; round++) {
    for (let slot = heads[round] ?? 0, after = -1; slot !== -1; slot = after) {
      after = following[slot] ?? 0
      if (!claim(slot)) return
      turns[slot] = (turns[slot] ?? 0) + 1
      const due = Math.ceil(((turns[slot] ?? 0) * heaviest) / (owners[slot] as Owner).weight)
      enqueue(slot, Math.max(round + 1, due))
    }
  }
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return true
}

function nextPrime(number: number): number {
  let next = number + 1
  while (!isPrime(next)) next++
  return next
}
