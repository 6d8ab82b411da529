import { checkInteger, rejectOption } from '../base/option-checks.ts'
import { checkOptions, type OptionTable } from '../base/option-table.ts'
import { XxHash64 } from '../base/xxhash64.ts'
import type { ServiceInstance } from './instance.ts'

/** Limits a client to some of the instances, so that not every client connects to every instance. */
export interface SubsetOptions {
  /** The number of instances, ≥ 1. */
  readonly size: number
  /** Identifies this client and stays the same when it restarts, such as a host name or an ordinal. */
  readonly clientId: string
}

export const subsetTable: OptionTable<SubsetOptions, 'size' | 'clientId'> = {
  size: {
    legal: 'integer ≥ 1; required',
    check: (path, given) => {
      if (given === undefined) rejectOption(path, 'an integer of at least 1', given)
      checkInteger(path, given, 1, Number.MAX_SAFE_INTEGER)
    },
  },
  clientId: {
    legal: 'string that is not empty; required',
    check: (path, given) => {
      if (typeof given !== 'string' || given === '') rejectOption(path, 'a string that is not empty', given)
    },
  },
}

/**
 * The `size` instances for this client, in list order; all when there are no more. Each instance has a rank of its own
 * with every client, the hash of its id seeded with the hash of `clientId`, and the first are taken. So one instance that
 * comes or goes changes at most one of the subset, and over many clients every instance is in as many subsets, on
 * average. Weights are not looked at. O(n log n).
 *
 * Sources: D. Thaler, C. Ravishankar, "A name-based mapping scheme for rendezvous" (1996); gRFC A68, random subsetting.
 *
 * @throws InvalidOptionError
 */
export function rendezvousSubset(
  instances: readonly ServiceInstance[],
  options: SubsetOptions,
): readonly ServiceInstance[] {
  checkOptions('rendezvousSubset', options, subsetTable)
  const count = instances.length
  if (count <= options.size) return instances
  const hash = new XxHash64()
  hash.hash(options.clientId)
  const [seedHigh, seedLow] = [hash.high, hash.low]
  const highs = new Uint32Array(count)
  const lows = new Uint32Array(count)
  for (const [index, { id }] of instances.entries()) {
    hash.hash(id, seedLow, seedHigh)
    highs[index] = hash.high
    lows[index] = hash.low
  }
  const order = Uint32Array.from(highs.keys()).sort(
    (a, b) => (highs[a] ?? 0) - (highs[b] ?? 0) || (lows[a] ?? 0) - (lows[b] ?? 0) || a - b,
  )
  const chosen = new Set(order.subarray(0, options.size))
  return instances.filter((_, index) => chosen.has(index))
}
