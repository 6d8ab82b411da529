import type { LoadBalancer } from '@lb/core'

/** Sends one request; resolves when its body was read. Stops when the signal says so. */
export type Send = (signal: AbortSignal) => Promise<void>

/** As fast as the workers get their answers; can be paused, so that nothing is in flight while memory is looked at. */
export class Load {
  requests = 0
  failures = 0
  readonly #workers: readonly Promise<void>[]
  readonly #signal: AbortSignal
  #state: 'running' | 'paused' | 'ended' = 'running'
  #resume: Promise<void> = Promise.resolve()
  #release: () => void = () => {}
  #idle = 0
  #allIdle: () => void = () => {}

  /** `signal` lives as long as the load, as that of a server that shuts down does: nothing may gather on it. */
  constructor(sends: readonly Send[], workersEach: number, signal: AbortSignal) {
    this.#signal = signal
    this.#workers = sends.flatMap((send) => Array.from({ length: workersEach }, () => this.#work(send)))
  }

  /** Resolves when nothing is in flight. */
  async pause(): Promise<void> {
    this.#resume = new Promise((resolve) => {
      this.#release = resolve
    })
    const allIdle = new Promise<void>((resolve) => {
      this.#allIdle = resolve
    })
    this.#state = 'paused'
    await allIdle
  }

  resume(): void {
    this.#state = 'running'
    this.#idle = 0
    this.#release()
  }

  async end(): Promise<void> {
    this.#state = 'ended'
    await Promise.all(this.#workers)
  }

  async #work(send: Send): Promise<void> {
    while (this.#state !== 'ended') {
      if (this.#state === 'paused') {
        const resumed = this.#resume
        if (++this.#idle === this.#workers.length) this.#allIdle()
        await resumed
        continue
      }
      this.requests++
      try {
        await send(this.#signal)
      } catch {
        this.failures++
      }
    }
  }
}

/** Counts the listeners of `lb` that nobody took off again, from now on. */
export function countSubscriptions(lb: LoadBalancer): () => number {
  let count = 0
  const subscribe = lb.subscribe.bind(lb)
  lb.subscribe = (listener) => {
    const unsubscribe = subscribe(listener)
    count++
    let done = false
    return () => {
      if (!done) count--
      done = true
      unsubscribe()
    }
  }
  return () => count
}
