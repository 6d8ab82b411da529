import { setTimeout as delay } from 'node:timers/promises'
import type { Send } from './contenders.ts'

export interface OutageOrder {
  readonly workers: number
  /** Between the end of a request and the next. */
  readonly pauseMs: number
}

/** One request: when it was sent, in milliseconds of the system's clock, which all processes share. */
export interface Sent {
  readonly atMs: number
  readonly latencyMs: number
  /** The backend that answered; 0 when the request failed. */
  readonly port: number
}

/** A few requests at a time with pauses, far below what anybody can do, until it is stopped. */
export class PacedLoad {
  readonly #sent: Sent[] = []
  readonly #workers: readonly Promise<void>[]
  #stopped = false

  constructor(send: Send, { workers, pauseMs }: OutageOrder) {
    this.#workers = Array.from({ length: workers }, () => this.#work(send, pauseMs))
  }

  async stop(): Promise<readonly Sent[]> {
    this.#stopped = true
    await Promise.all(this.#workers)
    return this.#sent
  }

  async #work(send: Send, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const atMs = Date.now()
      const startMs = performance.now()
      let port = 0
      try {
        port = ((await send('/port')) as { port: number }).port
      } catch {
        // Counted by its port.
      }
      this.#sent.push({ atMs, latencyMs: performance.now() - startMs, port })
      await delay(pauseMs)
    }
  }
}
