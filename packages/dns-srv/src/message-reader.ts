import { labelText } from './domain-name.ts'
import { DnsFailure } from './errors.ts'

const maxNameBytes = 255
/** A name has at most 127 labels, so an honest one has fewer pointers. Bounds the work for a message of nothing but pointers. */
const maxPointers = 127

/** Reads the parts of a message in order. Whatever would lead outside of it throws a DnsFailure. */
export class MessageReader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get offset(): number {
    return this.#offset
  }

  moveTo(offset: number): void {
    if (offset > this.#bytes.length) throw malformed('it ends within a record')
    this.#offset = offset
  }

  uint8(): number {
    const at = this.#offset
    this.moveTo(at + 1)
    return this.#bytes.readUInt8(at)
  }

  uint16(): number {
    const at = this.#offset
    this.moveTo(at + 2)
    return this.#bytes.readUInt16BE(at)
  }

  uint32(): number {
    const at = this.#offset
    this.moveTo(at + 4)
    return this.#bytes.readUInt32BE(at)
  }

  bytes(length: number): Buffer {
    const at = this.#offset
    this.moveTo(at + length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A name in lower case without a dot at its end; the root is `""`. Its labels are written as by `labelText`. */
  name(): string {
    return this.labels().map(labelText).join('.')
  }

  /** The labels of a name, as they are. */
  labels(): Buffer[] {
    const labels: Buffer[] = []
    let at = this.#offset
    let end: number | undefined
    let length = 1
    let pointers = 0
    for (;;) {
      const head = this.#byteAt(at)
      if (head === 0) break
      if (head < 64) {
        length += head + 1
        if (length > maxNameBytes) throw malformed(`a name is longer than ${maxNameBytes} bytes`)
        labels.push(this.#label(at + 1, head))
        at += head + 1
      } else if (head >= 192) {
        const target = (head - 192) * 256 + this.#byteAt(at + 1)
        end ??= at + 2
        // Only ever backwards, so a chain of pointers ends.
        pointers++
        if (target >= at || pointers > maxPointers) throw malformed('a compressed name does not end')
        at = target
      } else {
        throw malformed('a label is neither text nor a pointer')
      }
    }
    this.moveTo(end ?? at + 1)
    return labels
  }

  /** Passes over a name without reading what it points at. */
  skipName(): void {
    let at = this.#offset
    for (let head = this.#byteAt(at); head !== 0; head = this.#byteAt(at)) {
      if (head >= 192) {
        this.moveTo(at + 2)
        return
      }
      if (head >= 64) throw malformed('a label is neither text nor a pointer')
      at += head + 1
    }
    this.moveTo(at + 1)
  }

  #byteAt(offset: number): number {
    const byte = this.#bytes[offset]
    if (byte === undefined) throw malformed('it ends within a name')
    return byte
  }

  #label(offset: number, length: number): Buffer {
    if (offset + length > this.#bytes.length) throw malformed('it ends within a name')
    return this.#bytes.subarray(offset, offset + length)
  }
}

export function malformed(what: string): DnsFailure {
  return new DnsFailure('MALFORMED', `the answer is malformed: ${what}`)
}
