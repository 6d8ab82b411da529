// The primes of XXH64 as pairs of signed 32-bit halves: V8 needs no box for them.
const prime1High = 0x9e3779b1 | 0
const prime1Low = 0x85ebca87 | 0
const prime2High = 0xc2b2ae3d | 0
const prime2Low = 0x27d4eb4f
const prime3High = 0x165667b1
const prime3Low = 0x9e3779f9 | 0
const prime4High = 0x85ebca77 | 0
const prime4Low = 0xc2b2ae63 | 0
const prime5High = 0x27d4eb2f
const prime5Low = 0x165667c5

const stripeBytes = 32

/**
 * XXH64 of the UTF-8 bytes of strings. An instance holds the last hash and a buffer of one stripe, so that hashing
 * allocates nothing; 64-bit numbers are pairs of 32-bit halves, as BigInt would allocate one for every step.
 *
 * Not a cryptographic hash: a client that chooses its keys can choose where they go.
 *
 * Source: the xxHash specification, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
 */
export class XxHash64 {
  /** The number at hand. Signed, as an integer of 32 bits needs no box. */
  #high = 0
  #low = 0
  /** High and low half of the four accumulators. */
  readonly #lanes = new Int32Array(8)
  /** The bytes that do not fill a stripe yet. */
  readonly #stripe = new Uint8Array(stripeBytes)
  #length = 0

  /** The upper half of the last hash. */
  get high(): number {
    return this.#high >>> 0
  }

  /** The lower half of the last hash. */
  get low(): number {
    return this.#low >>> 0
  }

  /** The last hash modulo `modulus`, an integer in [1, 2²⁶]: so far it is exact. */
  remainder(modulus: number): number {
    return ((this.high % modulus) * (2 ** 32 % modulus) + this.low) % modulus
  }

  /**
   * Hashes `text`; `high` and `low` then hold the result. The seed is given by its halves. A surrogate without its
   * other half counts as U+FFFD, as it does for `TextEncoder`.
   */
  hash(text: string, seedLow = 0, seedHigh = 0): void {
    this.#length = 0
    // A unit is at least a byte, and at most three.
    if (text.length * 3 >= stripeBytes) this.#seedLanes(seedHigh, seedLow)
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit < 0x80) {
        this.#push(unit)
      } else if (unit >= 0xd800 && unit < 0xe000) {
        const point = codePointAt(text, index)
        if (point > 0xffff) index++
        this.#pushCodePoint(point)
      } else {
        this.#pushCodePoint(unit)
      }
    }
    if (this.#length >= stripeBytes) this.#mergeLanes()
    else this.#setSum(seedHigh, seedLow, prime5High, prime5Low)
    this.#setSum(this.#high, this.#low, 0, this.#length)
    this.#finishTail()
    this.#avalanche()
  }

  #seedLanes(high: number, low: number): void {
    this.#setSum(high, low, prime2High, prime2Low)
    this.#store(1)
    this.#setSum(this.#high, this.#low, prime1High, prime1Low)
    this.#store(0)
    this.#setSum(high, low, 0, 0)
    this.#store(2)
    // Minus prime 1, in two's complement.
    this.#setSum(high, low, ~prime1High, -prime1Low)
    this.#store(3)
  }

  /** Any but ASCII: two to four bytes. */
  #pushCodePoint(point: number): void {
    if (point < 0x800) {
      this.#push(0xc0 | (point >> 6))
    } else {
      if (point < 0x10000) {
        this.#push(0xe0 | (point >> 12))
      } else {
        this.#push(0xf0 | (point >> 18))
        this.#push(0x80 | ((point >> 12) & 0x3f))
      }
      this.#push(0x80 | ((point >> 6) & 0x3f))
    }
    this.#push(0x80 | (point & 0x3f))
  }

  #push(byte: number): void {
    const position = this.#length % stripeBytes
    this.#stripe[position] = byte
    this.#length++
    if (position === stripeBytes - 1) this.#feedLanes()
  }

  #feedLanes(): void {
    const lanes = this.#lanes
    for (let lane = 0; lane < 4; lane++) {
      const high = lanes[2 * lane] ?? 0
      const low = lanes[2 * lane + 1] ?? 0
      this.#round(high, low, this.#word(8 * lane + 4), this.#word(8 * lane))
      this.#store(lane)
    }
  }

  #mergeLanes(): void {
    const lanes = this.#lanes
    this.#setSum(0, 0, 0, 0)
    for (let lane = 0; lane < 4; lane++) {
      const high = lanes[2 * lane] ?? 0
      const low = lanes[2 * lane + 1] ?? 0
      const bits = lane === 0 ? 1 : lane === 1 ? 7 : lane === 2 ? 12 : 18
      this.#setSum(this.#high, this.#low, rotated(high, low, bits), rotated(low, high, bits))
    }
    for (let lane = 0; lane < 4; lane++) {
      const high = this.#high
      const low = this.#low
      this.#round(0, 0, lanes[2 * lane] ?? 0, lanes[2 * lane + 1] ?? 0)
      this.#setProduct(this.#high ^ high, this.#low ^ low, prime1High, prime1Low)
      this.#setSum(this.#high, this.#low, prime4High, prime4Low)
    }
  }

  /** The bytes after the last whole stripe. */
  #finishTail(): void {
    const end = this.#length % stripeBytes
    let position = 0
    for (; position + 8 <= end; position += 8) {
      const sumHigh = this.#high
      const sumLow = this.#low
      this.#round(0, 0, this.#word(position + 4), this.#word(position))
      const high = this.#high ^ sumHigh
      const low = this.#low ^ sumLow
      this.#setProduct(rotated(high, low, 27), rotated(low, high, 27), prime1High, prime1Low)
      this.#setSum(this.#high, this.#low, prime4High, prime4Low)
    }
    if (position + 4 <= end) {
      const word = this.#word(position)
      const high = this.#high ^ productHigh(0, word, prime1High, prime1Low)
      const low = this.#low ^ Math.imul(word, prime1Low)
      this.#setProduct(rotated(high, low, 23), rotated(low, high, 23), prime2High, prime2Low)
      this.#setSum(this.#high, this.#low, prime3High, prime3Low)
      position += 4
    }
    for (; position < end; position++) {
      const byte = this.#stripe[position] ?? 0
      const high = this.#high ^ productHigh(0, byte, prime5High, prime5Low)
      const low = this.#low ^ Math.imul(byte, prime5Low)
      this.#setProduct(rotated(high, low, 11), rotated(low, high, 11), prime1High, prime1Low)
    }
  }

  #avalanche(): void {
    this.#setProduct(this.#high, this.#low ^ (this.#high >>> 1), prime2High, prime2Low)
    const high = this.#high
    const low = this.#low
    this.#setProduct(high ^ (high >>> 29), low ^ ((low >>> 29) | (high << 3)), prime3High, prime3Low)
    this.#low ^= this.#high
  }

  /** rotate(sum + input × prime 2, 31) × prime 1. */
  #round(sumHigh: number, sumLow: number, inputHigh: number, inputLow: number): void {
    this.#setProduct(inputHigh, inputLow, prime2High, prime2Low)
    this.#setSum(this.#high, this.#low, sumHigh, sumLow)
    const high = this.#high
    const low = this.#low
    this.#setProduct(rotated(high, low, 31), rotated(low, high, 31), prime1High, prime1Low)
  }

  /** Four bytes of the stripe, the lowest first. */
  #word(position: number): number {
    const stripe = this.#stripe
    return (
      (stripe[position] ?? 0) |
      ((stripe[position + 1] ?? 0) << 8) |
      ((stripe[position + 2] ?? 0) << 16) |
      ((stripe[position + 3] ?? 0) << 24)
    )
  }

  #store(lane: number): void {
    this.#lanes[2 * lane] = this.#high
    this.#lanes[2 * lane + 1] = this.#low
  }

  #setSum(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
    const low = (aLow >>> 0) + (bLow >>> 0)
    this.#high = (aHigh + bHigh + (low > 0xffffffff ? 1 : 0)) | 0
    this.#low = low | 0
  }

  /** Modulo 2⁶⁴. */
  #setProduct(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
    this.#high = productHigh(aHigh, aLow, bHigh, bLow)
    this.#low = Math.imul(aLow, bLow)
  }
}

/** One half of a number rotated to the left; `bits` in [1, 31]. */
function rotated(half: number, otherHalf: number, bits: number): number {
  return (half << bits) | (otherHalf >>> (32 - bits))
}

/** The upper half of a product modulo 2⁶⁴. The lower halves are multiplied in quarters, whose products fit. */
function productHigh(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  const a0 = aLow & 0xffff
  const a1 = aLow >>> 16
  const b0 = bLow & 0xffff
  const b1 = bLow >>> 16
  const left = Math.imul(a1, b0)
  const right = Math.imul(a0, b1)
  const middle = (Math.imul(a0, b0) >>> 16) + (left & 0xffff) + (right & 0xffff)
  const carried = Math.imul(a1, b1) + (left >>> 16) + (right >>> 16) + (middle >>> 16)
  return (carried + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0
}

function codePointAt(text: string, index: number): number {
  const point = text.codePointAt(index) as number
  return point > 0xffff ? point : 0xfffd
}
