import { XxHash64 } from '../base/xxhash64.ts'
import type { ServiceInstance } from './instance.ts'

/** A client, and how many instances it gets. */
export interface RendezvousSubsetOptions {
  readonly size: number
  readonly clientId: string
}

/**
 * The `size` instances for this client, in list order; all when there are no more. Each instance has a rank of its own
 * with every client, the hash of its id seeded with the hash of `clientId`, and the first are taken. So one instance that
 * comes or goes changes at most one of the subset, and over many clients every instance is in as many subsets, on
 * average. Only on average: of an instance that c clients get on average, the number is spread like chance, by ±√c.
 * Weights are not looked at. O(n log n).
 *
 * Sources: D. Thaler, C. Ravishankar, "A name-based mapping scheme for rendezvous" (1996); gRFC A68, random subsetting.
 */
export function rendezvousSubset(
  instances: readonly ServiceInstance[],
  options: RendezvousSubsetOptions,
): readonly ServiceInstance[] {
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
