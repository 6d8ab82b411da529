import type { Clock } from '@lb/core'
import type { CallStory, CallSummary } from '../api.ts'
import { ApiError } from '../http/api-error.ts'

/** How many calls are kept. */
const maxCalls = 200

/** A call that is kept; how long ago it ended is known when it is read. */
export type KeptCall = Omit<CallStory, 'agoMs'> & { readonly atMs: number }

/** The last calls that failed, each with its attempts. */
export class CallLog {
  readonly #clock: Clock
  /** In the order in which they ended. */
  readonly #calls = new Map<number, KeptCall>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  keep(call: KeptCall): void {
    this.#calls.set(call.call, call)
    const [oldest] = this.#calls.keys()
    if (this.#calls.size > maxCalls && oldest !== undefined) this.#calls.delete(oldest)
  }

  /** Newest first, without their attempts. */
  list(service: string | undefined, limit: number): readonly CallSummary[] {
    const calls = Array.from(this.#calls.values()).reverse()
    const found = service === undefined ? calls : calls.filter((each) => each.service === service)
    return found.slice(0, limit).map((each) => {
      const { story: _, idempotent: __, ...summary } = this.#shown(each)
      return summary
    })
  }

  /** @throws ApiError */
  story(call: string): CallStory {
    const kept = /^\d{1,15}$/.test(call) ? this.#calls.get(Number(call)) : undefined
    if (kept !== undefined) return this.#shown(kept)
    const message = `Call ${JSON.stringify(call.slice(0, 40))} is none of the last ${maxCalls} that failed`
    throw new ApiError('UNKNOWN_CALL', message, { known: Array.from(this.#calls.keys()).reverse().map(String) })
  }

  clear(): void {
    this.#calls.clear()
  }

  #shown({ atMs, ...call }: KeptCall): CallStory {
    return { ...call, agoMs: Math.max(0, Math.round(this.#clock.now() - atMs)) }
  }
}
