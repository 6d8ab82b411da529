/** Weights with decimals are scaled by a power of ten up to this; finer ones are rounded to this part of the largest. */
const maxDecimalScale = 1e6
const maxIntegerWeight = 2 ** 31

/**
 * `weights` as integers without a common divisor and in the same proportion, so that arithmetic on them is
 * exact. All zero: all one. Proportions beyond 1 : 10⁶ among weights that are no integers, and beyond 1 : 2³¹
 * among any, are rounded; what is positive stays positive.
 */
export function toIntegerWeights(weights: readonly number[]): Float64Array {
  const max = weights.reduce((largest, weight) => Math.max(largest, weight), 0)
  if (!(max > 0)) return new Float64Array(weights.length).fill(1)
  // Large integers may have a common divisor; they need no scaling then.
  const reduced = weights.every(Number.isSafeInteger) ? withoutCommonDivisor(new Float64Array(weights)) : undefined
  if (reduced?.every((weight) => weight <= maxIntegerWeight) === true) return reduced
  const toInteger = scaling(weights, max)
  return withoutCommonDivisor(
    Float64Array.from(weights, (weight) => (weight > 0 ? Math.max(1, Math.round(toInteger(weight))) : 0)),
  )
}

function withoutCommonDivisor(integers: Float64Array): Float64Array {
  let divisor = 0
  for (const weight of integers) {
    // Mostly it is, after a few of them.
    if (divisor === 1) break
    divisor = greatestCommonDivisor(divisor, weight)
  }
  return divisor === 1 ? integers : integers.map((weight) => weight / divisor)
}

// Divided by the largest before anything else: a product could overflow, and a quotient of tiny numbers too.
function scaling(weights: readonly number[], max: number): (weight: number) => number {
  if (max > maxIntegerWeight) return (weight) => (weight / max) * maxIntegerWeight
  for (let scale = 1; scale <= maxDecimalScale && max * scale <= maxIntegerWeight; scale *= 10) {
    if (weights.every((weight) => isNearlyInteger(weight * scale))) return (weight) => weight * scale
  }
  return (weight) => (weight / max) * maxDecimalScale
}

function isNearlyInteger(value: number): boolean {
  return Math.abs(value - Math.round(value)) <= 1e-9 * Math.max(1, value) && (value === 0 || value >= 0.5)
}

function greatestCommonDivisor(left: number, right: number): number {
  let [a, b] = [left, right]
  while (b !== 0) [a, b] = [b, a % b]
  return a
}
