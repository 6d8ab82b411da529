import { percentilesOf } from '../percentiles.ts'
import { maxMs } from './line-fields.ts'
import type { TimedResponse } from './recorded-responses.ts'
import type { ReadRecording, RecordedCall, RecordedFailure, RecordedListChange } from './recording.ts'

/** What is known of all services. */
interface RecordingFrame {
  readonly durationMs: number
  readonly lost: number
  readonly failures: readonly RecordedFailure[]
}

/** How a call went. */
interface RecordedResult {
  readonly ms: number
  readonly result: string
  readonly error: string | undefined
  readonly attempts: number
}

/** An attempt that its caller gave up, so that only the least is known that its response would have taken. */
type CancelledAttempt = Pick<TimedResponse, 'atMs' | 'ms'>

/** Collects what was recorded of one service. */
export class RecordedService {
  readonly name: string
  readonly lists: RecordedListChange[] = []
  readonly #calls: RecordedCall[] = []
  readonly #responses = new Map<string, TimedResponse[]>()
  readonly #cancelled = new Map<string, CancelledAttempt[]>()
  readonly #succeededMs: number[] = []
  #attempts = 0
  #longestMs = 0
  #deadlineMs = 0

  constructor(name: string) {
    this.name = name
  }

  get hasCalls(): boolean {
    return this.#calls.length > 0
  }

  addCall(call: RecordedCall, { attempts, error, ms, result }: RecordedResult): void {
    this.#calls.push(call)
    this.#attempts += attempts
    this.#longestMs = Math.max(this.#longestMs, ms)
    if (result === 'ok') this.#succeededMs.push(ms)
    else if (error === 'LB_DEADLINE_EXCEEDED') this.#deadlineMs = Math.max(this.#deadlineMs, ms)
  }

  addResponse(id: string, response: TimedResponse): void {
    listIn(this.#responses, id).push(response)
  }

  addCancelled(id: string, attempt: CancelledAttempt): void {
    listIn(this.#cancelled, id).push(attempt)
  }

  /** Without a deadline that shows, none that matters. */
  get #timeoutMs(): number {
    if (this.#deadlineMs > 0) return Math.max(1, this.#deadlineMs)
    return Math.min(maxMs, Math.max(1_000, 10 * this.#longestMs))
  }

  recording({ durationMs, failures, lost }: RecordingFrame): ReadRecording {
    const calls = this.#calls.toSorted(byTime)
    const [p50Ms = Number.NaN, p99Ms = Number.NaN, p999Ms = Number.NaN] = percentilesOf(
      Float64Array.from(this.#succeededMs),
      [0.5, 0.99, 0.999],
    )
    for (const [id, attempts] of this.#cancelled) completeCancelled(listIn(this.#responses, id), attempts)
    for (const each of this.#responses.values()) each.sort(byTime)
    return {
      service: this.name,
      durationMs: Math.max(1, durationMs),
      calls: calls.length,
      goodput: this.#succeededMs.length / calls.length,
      p50Ms,
      p99Ms,
      p999Ms,
      amplification: this.#attempts / calls.length,
      lost,
      traffic: {
        durationMs: Math.max(1, durationMs),
        calls,
        lists: this.lists.toSorted(byTime),
        responses: this.#responses,
        failures,
        timeoutMs: this.#timeoutMs,
      },
    }
  }
}

/**
 * The response of a cancelled attempt would have come later. It counts as the median of the responses of that instance that took longer;
 * if none did, as one that came just then.
 */
function completeCancelled(responses: TimedResponse[], attempts: readonly CancelledAttempt[]): void {
  const replied = responses.filter(({ reply }) => reply >= 100).toSorted((left, right) => left.ms - right.ms)
  for (const { atMs, ms } of attempts) {
    const longer = firstLonger(replied, ms)
    const found = replied[Math.floor((longer + replied.length) / 2)]
    responses.push(found === undefined ? { atMs, ms, inFlightMs: ms, reply: 200 } : { ...found, atMs })
  }
}

/** The place of the first response that took longer than `ms`; they are in the order of their times. */
function firstLonger(sorted: readonly TimedResponse[], ms: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle]?.ms ?? 0) <= ms) low = middle + 1
    else high = middle
  }
  return low
}

function byTime(left: { readonly atMs: number }, right: { readonly atMs: number }): number {
  return left.atMs - right.atMs
}

function listIn<T>(map: Map<string, T[]>, id: string): T[] {
  const known = map.get(id)
  if (known !== undefined) return known
  const list: T[] = []
  map.set(id, list)
  return list
}
