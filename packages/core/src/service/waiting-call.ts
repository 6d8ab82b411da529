import type { CriticalityRank } from '../overload/criticality.ts'

/** What a service asks of a call that waits for it: for the first list, for a newer one, for room, or for its next attempt. */
export interface WaitingCall {
  /** Its number, for events; 0 without. */
  readonly call: number
  /** What it is worth: who waits is served by that first. */
  readonly rank: CriticalityRank
  /** When the call ends by itself. */
  readonly deadlineMs: number
  /**
   * Runs one step of the call. `step` settles the promise; `interrupted` is called instead when the call ends first, and the promise
   * then rejects with the reason.
   */
  run<T>(
    step: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void,
    interrupted?: (reason: unknown) => void,
  ): Promise<T>
  /** Ends what the call waits for, and not the call: it may have a result already. */
  interrupt(reason: unknown): void
}
