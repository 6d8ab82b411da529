import { setTimeout as sleep } from 'node:timers/promises'
import type { AxiosInstance } from 'axios'
import type { CallRecord } from './call-record.ts'
import { type Load, sendOne } from './load.ts'

const pauseMs = 5

/** Callers that each wait for their request before they make the next (a closed loop): one that stalls asks for no more. */
export class CallerLoad implements Load {
  readonly maxLagMs = 0
  readonly #client: AxiosInstance
  readonly #record: CallRecord
  readonly #callers: readonly Promise<void>[]
  #stopped = false

  constructor(client: AxiosInstance, record: CallRecord, callers: number) {
    this.#client = client
    this.#record = record
    this.#callers = Array.from({ length: callers }, () => this.#call())
  }

  /** They are as fast as their answers. */
  setRate(): void {}

  sendOne(): void {
    void sendOne(this.#client, this.#record)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#callers)
  }

  async #call(): Promise<void> {
    while (!this.#stopped) {
      await sendOne(this.#client, this.#record)
      await sleep(pauseMs)
    }
  }
}
