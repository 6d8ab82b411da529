/**
 * Most fields that the header, or the trailers, of one response may have: as many as `node:http` reads. What handles fields one
 * by one stays cheap by that.
 */
export const maxResponseFields = 2_000

const maxResponses = 100
const maxLength = 65_536

/**
 * What comes before one response (1xx; RFC 9110 section 15.2). A client reads as many as an instance sends, and each begins its
 * time limit anew, so an instance must not go on for ever: 100 with 64 KiB of fields together are read.
 */
export class InterimResponses {
  #count = 0
  #length = 0

  /**
   * Counts one more.
   *
   * @param fields names and values
   * @returns whether it is within the limits
   */
  add(fields: Iterable<{ readonly length: number }>): boolean {
    this.#count++
    for (const { length } of fields) this.#length += length
    return this.#count <= maxResponses && this.#length <= maxLength
  }
}
