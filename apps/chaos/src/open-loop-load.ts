import type { CallRecord } from './call-record.ts'
import type { Send } from './client.ts'
import { type Load, sendOne } from './load.ts'
import { Pacer } from './pacer.ts'

const tickMs = 2

/** Requests at a fixed rate, whatever becomes of them. */
export class OpenLoopLoad implements Load {
  readonly #send: Send
  readonly #record: CallRecord
  readonly #pacer: Pacer
  readonly #timer: NodeJS.Timeout
  readonly #inFlight = new Set<Promise<void>>()
  readonly #posts: boolean
  #sent = 0

  /** @param posts every second request is a POST; otherwise all are GETs */
  constructor(send: Send, record: CallRecord, ratePerSecond: number, posts = false) {
    this.#posts = posts
    this.#send = send
    this.#record = record
    this.#pacer = new Pacer(ratePerSecond, performance.now())
    this.#timer = setInterval(() => this.#sendDue(), tickMs)
  }

  get maxLagMs(): number {
    return this.#pacer.maxLagMs
  }

  setRate(ratePerSecond: number): void {
    this.#pacer.setRate(ratePerSecond, performance.now())
  }

  /** Resolves when the last request is over. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#inFlight)
  }

  sendOne(): void {
    const method = this.#posts && this.#sent++ % 2 === 0 ? 'POST' : 'GET'
    const request = sendOne(this.#send, this.#record, method)
    this.#inFlight.add(request)
    void request.then(() => this.#inFlight.delete(request))
  }

  #sendDue(): void {
    for (let due = this.#pacer.takeDue(performance.now()); due > 0; due--) this.sendOne()
  }
}
