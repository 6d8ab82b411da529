/** What an instance does with one request. Durations are in milliseconds. */
export interface RecordedResponse {
  /** Until its result, of a response until its head. */
  readonly ms: number
  /** Until it is over, ≥ `ms`. */
  readonly inFlightMs: number
  /** A status, or a number of a failure. */
  readonly reply: number
}

/** A response, and when its request came. */
export interface TimedResponse extends RecordedResponse {
  readonly atMs: number
}

/** How many on each side of a moment are near it. */
const near = 16

/**
 * The responses that one instance gave, in the order in which their requests came. A request gets that of a recorded one of about the
 * same time. Each is used once before any is used a second time, so what is rare stays as rare as it was: with as many requests as
 * were recorded, every response is there again.
 */
export class RecordedResponses {
  readonly #responses: readonly TimedResponse[]
  readonly #uses: Uint32Array

  /** `responses` are in the order of their times; there is at least one. */
  constructor(responses: readonly TimedResponse[]) {
    this.#responses = responses
    this.#uses = new Uint32Array(responses.length)
  }

  /** The response to a request that comes at `atMs`. */
  next(atMs: number): RecordedResponse {
    const uses = this.#uses
    const centre = this.#firstFrom(atMs)
    const last = Math.min(uses.length - 1, centre + near)
    let best = Math.max(0, Math.min(uses.length - 1, centre - near))
    for (let index = best + 1; index <= last; index++) {
      const difference = (uses[index] ?? 0) - (uses[best] ?? 0)
      if (difference < 0 || (difference === 0 && this.#distance(index, atMs) < this.#distance(best, atMs))) best = index
    }
    uses[best] = (uses[best] ?? 0) + 1
    return this.#responses[best] as TimedResponse
  }

  #distance(index: number, atMs: number): number {
    return Math.abs((this.#responses[index]?.atMs ?? 0) - atMs)
  }

  /** The first response whose request came at `atMs` or later. */
  #firstFrom(atMs: number): number {
    let [low, high] = [0, this.#responses.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#responses[middle]?.atMs ?? 0) < atMs) low = middle + 1
      else high = middle
    }
    return low
  }
}

/**
 * Times without the wait in a queue: what an instance took that serves `concurrency` requests at a time, in the order in which they came.
 * A response that came too early for that counts as served at once.
 */
export function withoutQueueing(responses: readonly TimedResponse[], concurrency: number): TimedResponse[] {
  /** When the last requests to end are over, as many as are served at a time: a heap, of which the first is the earliest. */
  const lastEndsMs = new Float64Array(concurrency)
  return responses.map((response) => {
    const { atMs, inFlightMs, ms } = response
    // It begins when all that came before it are over, except for one less than are served at a time.
    const freeMs = Math.max(atMs, lastEndsMs[0] ?? 0)
    const waitedMs = freeMs < atMs + ms ? freeMs - atMs : 0
    replaceFirst(lastEndsMs, atMs + inFlightMs)
    return { ...response, ms: ms - waitedMs, inFlightMs: inFlightMs - waitedMs }
  })
}

/** `value` takes the place of the least one, unless it is less. */
function replaceFirst(heap: Float64Array, value: number): void {
  if (value <= (heap[0] ?? value)) return
  let place = 0
  for (let child = 1; child < heap.length; child = 2 * place + 1) {
    if ((heap[child + 1] ?? Number.POSITIVE_INFINITY) < (heap[child] ?? 0)) child++
    const least = heap[child] ?? 0
    if (least >= value) break
    heap[place] = least
    place = child
  }
  heap[place] = value
}
