const words = new Int32Array(2)
const double = new Float64Array(words.buffer)

/** A running 64-bit fingerprint of everything that happened, in order: two runs that differ anywhere differ in it. */
export class EventHash {
  #low = 0x811c9dc5 | 0
  #high = 0x1b873593 | 0

  /** Any numbers will do, and any text; every bit of them counts. */
  add(kind: number, atMs: number, subject: number, detail: number | string): void {
    this.#mix(kind)
    this.#mixDouble(atMs)
    this.#mixDouble(subject)
    if (typeof detail === 'number') this.#mixDouble(detail)
    else for (let index = 0; index < detail.length; index++) this.#mix(detail.charCodeAt(index))
  }

  get digest(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  #mixDouble(value: number): void {
    double[0] = value
    this.#mix(words[0] ?? 0)
    this.#mix(words[1] ?? 0)
  }

  #mix(word: number): void {
    const low = Math.imul(this.#low ^ word, 0x01000193)
    this.#low = low ^ (low >>> 15)
    this.#high = Math.imul(((this.#high << 13) | (this.#high >>> 19)) ^ word, 0x9e3779b1 | 0)
  }
}
