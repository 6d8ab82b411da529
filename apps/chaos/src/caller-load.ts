import { setTimeout as sleep } from 'node:timers/promises'
import type { CallRecord } from './call-record.ts'
import type { Send } from './client.ts'
import { type Load, sendOne } from './load.ts'

const pauseMs = 5

/** Callers that each wait for their request before they make the next (a closed loop): one that stalls asks for no more. */
export class CallerLoad implements Load {
  readonly maxLagMs = 0
  readonly #send: Send
  readonly #record: CallRecord
  readonly #callers: readonly Promise<void>[]
  #stopped = false

  constructor(send: Send, record: CallRecord, callers: number) {
    this.#send = send
    this.#record = record
    this.#callers = Array.from({ length: callers }, () => this.#call())
  }

  /** They are as fast as their answers. */
  setRate(): void {}

  sendOne(): void {
    void sendOne(this.#send, this.#record)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#callers)
  }

  async #call(): Promise<void> {
    while (!this.#stopped) {
      await sendOne(this.#send, this.#record)
      await sleep(pauseMs)
    }
  }
}
