import { counted } from '../../base/counted.ts'

/**
 * How many requests of one instance failed in a row: connect errors and server errors by themselves. A run without a new failure for
 * `forgottenMs` begins anew. Each failure gives the length of its run.
 */
export class FailureRuns {
  #connect = 0
  #server = 0
  /** Whether the run of connect errors is one of answers that broke off after their heads: no head ends it then. */
  #breaking = false
  // Undefined until needed: a number with a fraction costs memory of its own.
  #connectErrorMs: number | undefined = undefined
  #serverErrorMs: number | undefined = undefined

  /** The head of a good answer is there. Hot. */
  answered(): void {
    if (!this.#breaking) this.#connect = 0
    this.#server = 0
  }

  /** A good answer ended well. Hot. */
  completed(): void {
    this.#connect = 0
  }

  connectFailed(nowMs: number, forgottenMs: number): number {
    this.#breaking = false
    return this.#failConnect(nowMs, forgottenMs)
  }

  /** A good answer broke off after its head. */
  broke(nowMs: number, forgottenMs: number): number {
    if (!this.#breaking) this.#connect = 0
    this.#breaking = true
    return this.#failConnect(nowMs, forgottenMs)
  }

  serverFailed(nowMs: number, forgottenMs: number): number {
    this.#server = nextRun(this.#server, this.#serverErrorMs, nowMs, forgottenMs)
    this.#serverErrorMs = nowMs
    return this.#server
  }

  #failConnect(nowMs: number, forgottenMs: number): number {
    this.#connect = nextRun(this.#connect, this.#connectErrorMs, nowMs, forgottenMs)
    this.#connectErrorMs = nowMs
    return this.#connect
  }
}

function nextRun(run: number, failureMs: number | undefined, nowMs: number, forgottenMs: number): number {
  return failureMs !== undefined && nowMs - failureMs <= forgottenMs ? run + 1 : 1
}

/** For people. */
export function inARow(count: number, what: string): string {
  return `${counted(count, what)} in a row`
}
