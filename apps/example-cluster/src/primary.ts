import type { Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { stopMessage } from './worker.ts'

/** How long the primary waits before it replaces a worker that died, at first and at most, in milliseconds. */
const [firstDelayMs, longestDelayMs] = [100, 5_000]

/** Keeps as many workers as there are to be. */
export class Primary {
  readonly #fork: () => Worker
  readonly #log: (line: string) => void
  readonly #workers = new Set<Worker>()
  #delayMs = firstDelayMs
  #isStopping = false
  #restarting: Promise<void> = Promise.resolve()

  constructor(fork: () => Worker, log: (line: string) => void) {
    this.#fork = fork
    this.#log = log
  }

  /** Resolves with the addresses that are served, once every worker listens. */
  async start(count: number): Promise<ReadonlySet<string>> {
    return new Set(await Promise.all(Array.from({ length: count }, () => this.#startWorker())))
  }

  /** Replaces the workers one by one: each ends when another one listens. */
  restart(): Promise<void> {
    this.#restarting = this.#restarting.then(async () => {
      const old = Array.from(this.#workers)
      for (const worker of old) {
        if (this.#isStopping) return
        await this.#startWorker()
        await this.#stopWorker(worker)
      }
      this.#log('all workers replaced')
    })
    return this.#restarting
  }

  /** Drains the workers. Resolves when they have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#log('draining')
    await Promise.all([...this.#workers].map((each) => this.#stopWorker(each)))
  }

  /** Resolves with the address when a worker listens, if not the first then another one. */
  async #startWorker(): Promise<string> {
    const worker = this.#fork()
    const { pid } = worker.process
    this.#workers.add(worker)
    const exited = once(worker, 'exit')
    const listening = once(worker, 'listening')
    const [address] = await Promise.race([listening, exited.then(() => [undefined])])
    if (address === undefined) return this.#replace(worker)
    this.#delayMs = firstDelayMs
    this.#log(`worker ${pid} listens`)
    void exited.then(() => this.#replace(worker))
    return `${address.address}:${address.port}`
  }

  /** A worker that was not to end is replaced; one that dies at once, not at once. */
  async #replace(worker: Worker): Promise<string> {
    if (!this.#workers.delete(worker)) return ''
    this.#log(`worker ${worker.process.pid} died`)
    await setTimeout(this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs)
    return this.#isStopping ? '' : this.#startWorker()
  }

  async #stopWorker(worker: Worker): Promise<void> {
    if (!this.#workers.delete(worker)) return
    const ended = once(worker, 'exit')
    worker.send(stopMessage, () => {})
    await ended
  }
}
