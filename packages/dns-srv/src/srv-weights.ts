/** The zeros of a priority together get this part of its traffic, at most. */
const zerosPart = 100
/** A common multiple beyond this is not worth having integers. */
const maxMultiple = 10_000

/**
 * What the weights of the records of one priority are as weights of instances, where 0 would mean drained. RFC 2782 wants a
 * record of weight 0 to have a very small chance:
 *
 * - no 0 among them: as they are; all 0: all 1;
 * - otherwise the zeros share what RFC 2782's algorithm gives them, 1 in the sum of the others, but at most 1 in 100. All
 *   weights of the priority are multiplied by the same factor, so that they stay integers: 60 and 40 and 0 are 60, 40, 1.
 */
export function withoutZeros(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const zeros = weights.filter((weight) => weight === 0).length
  if (zeros === 0) return [...weights]
  if (sum === 0) return weights.map(() => 1)
  const others = zeros * Math.max(sum, zerosPart)
  const divisor = greatestCommonDivisor(others, sum)
  return weights.map((weight) => (weight === 0 ? sum / divisor : weight * (others / divisor)))
}

/**
 * How much of the weight of a record each of its addresses gets, when records have `counts` addresses: equal parts, all
 * multiplied by the same factor so that they stay integers.
 */
export function partsOf(weights: readonly number[], counts: readonly number[]): number[] {
  const multiple = counts.reduce((product, count) => leastCommonMultiple(product, Math.max(count, 1)), 1)
  const factor = multiple <= maxMultiple ? multiple : 1
  return weights.map((weight, index) => (weight * factor) / Math.max(counts[index] ?? 1, 1))
}

function leastCommonMultiple(left: number, right: number): number {
  return (left / greatestCommonDivisor(left, right)) * right
}

function greatestCommonDivisor(left: number, right: number): number {
  let [a, b] = [left, right]
  while (b !== 0) [a, b] = [b, a % b]
  return a
}
