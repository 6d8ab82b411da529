const digits = /^\d{1,20}$/
const maxIndex = 2n ** 64n - 1n

/**
 * Where a blocking query goes on: the index of the answer before. It is an unsigned integer of 64 bits, hence a bigint. `undefined`
 * asks without one, which is answered at once.
 *
 * Source: Consul, API documentation, "Blocking Queries", implementation details.
 */
export type BlockingIndex = bigint | undefined

/**
 * The index for the next query, from the header `X-Consul-Index` of an answer to a query with `asked`.
 *
 * - It went backwards (a snapshot was restored, the servers were replaced): the loop starts again without an index, because waiting
 *   for the old one could take for ever.
 * - 0: 1 is waited for, which is always safe; 0 would be answered at once, again and again.
 * - Missing, or no index: again without one. The limiter of the loop keeps that from being a busy one.
 */
export function nextIndex(asked: BlockingIndex, header: string | undefined): BlockingIndex {
  if (header === undefined || !digits.test(header)) return undefined
  const given = BigInt(header)
  if (given > maxIndex) return undefined
  const index = given < 1n ? 1n : given
  return asked !== undefined && index < asked ? undefined : index
}
