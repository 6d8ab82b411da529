import type { Random } from '@lb/core'
import { checkInteger } from '@lb/core/authoring'

/**
 * One seed for a whole simulation, and a stream of chance for each of its parts, named by its path: what one client
 * draws never shifts what another gets.
 *
 *     const tree = randomTree(1)
 *     const arrivals = tree('client 7', 'arrivals')
 *
 * @throws InvalidOptionError unless `seed` is a safe integer
 */
export function randomTree(seed: number): (...path: readonly string[]) => Random {
  checkInteger('seed', seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  const root = mix(mix(seed | 0) ^ Math.floor(seed / 2 ** 32))
  return (...path) => {
    let low = root
    let high = ~root
    for (const step of path.map((name) => `/${name}`)) {
      for (let index = 0; index < step.length; index++) {
        low = Math.imul(low ^ step.charCodeAt(index), 0x01000193)
        high = Math.imul((high << 5) ^ (high >>> 27) ^ step.charCodeAt(index), 0x9e3779b1 | 0)
      }
    }
    return smallFastCounter(mix(low), mix(high))
  }
}

/**
 * 128 bits of state, so that thousands of streams do not meet. Source: Doty-Humphrey's sfc32 (PractRand), which passes
 * PractRand's tests; twelve numbers are thrown away to mix the seed in, as there.
 */
function smallFastCounter(low: number, high: number): Random {
  // Signed integers throughout: V8 keeps them without allocating.
  let a = low | 0
  let b = high | 0
  let c = (low ^ (high >>> 3)) | 0
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let thrownAway = 0; thrownAway < 12; thrownAway++) next()
  return next
}

/** Source: the finaliser of MurmurHash3. */
function mix(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b | 0)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35 | 0)
  return mixed ^ (mixed >>> 16)
}
