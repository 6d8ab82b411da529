import type {
  DiscoveryObserver,
  DiscoverySubscription,
  InvalidInstanceError,
  ServiceDiscovery,
  ServiceInstanceInit,
} from '@lb/core'

/** What a `FakeDiscovery` answers: a list, or an error to reject with. */
export type FakeAnswer = readonly ServiceInstanceInit[] | Error

interface Pending {
  readonly service: string
  readonly signal: AbortSignal | undefined
  readonly resolve: (instances: readonly ServiceInstanceInit[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * A discovery for tests, without `watch`: what it answers, and when, is the test's choice. It counts what it is asked.
 *
 *     const discovery = new FakeDiscovery(['10.0.0.1:80'])
 *     discovery.answer = new Error('down')        // from now on
 *     discovery.answer = 'wait'                   // answers only on `release`
 */
export class FakeDiscovery implements ServiceDiscovery {
  /** What every question is answered with; `'wait'` leaves them open until `release`. */
  answer: FakeAnswer | 'wait'
  /** Questions asked so far. */
  asked = 0
  closed = false
  readonly #pending: Pending[] = []

  constructor(answer: FakeAnswer | 'wait' = []) {
    this.answer = answer
  }

  get [Symbol.toStringTag](): string {
    return 'FakeDiscovery'
  }

  /** Questions that were neither answered nor given up. */
  get open(): number {
    return this.#pending.filter(({ signal }) => signal?.aborted !== true).length
  }

  getInstances(
    service: string,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<readonly ServiceInstanceInit[]> {
    this.asked++
    const { answer } = this
    if (answer instanceof Error) return Promise.reject(answer)
    if (answer !== 'wait') return Promise.resolve(answer)
    return new Promise((resolve, reject) => {
      this.#pending.push({ service, signal: options.signal, resolve, reject })
    })
  }

  /** Answers every open question, those given up included: a late answer. */
  release(answer: FakeAnswer): void {
    for (const { resolve, reject } of this.#pending.splice(0)) {
      if (answer instanceof Error) reject(answer)
      else resolve(answer)
    }
  }

  close(): void {
    this.closed = true
  }
}

/** A discovery for tests that pushes: `push` and `fail` reach every watcher. */
export class FakeWatchDiscovery implements ServiceDiscovery {
  /** What `getInstances` gives, and each new watcher first; `undefined`: nothing yet. */
  answer: FakeAnswer | undefined
  asked = 0
  readonly #observers = new Set<DiscoveryObserver>()

  constructor(answer?: FakeAnswer) {
    this.answer = answer
  }

  get [Symbol.toStringTag](): string {
    return 'FakeWatchDiscovery'
  }

  /** Watches that were not closed. */
  get watchers(): number {
    return this.#observers.size
  }

  getInstances(): Promise<readonly ServiceInstanceInit[]> {
    this.asked++
    const { answer } = this
    if (answer instanceof Error) return Promise.reject(answer)
    return answer === undefined ? new Promise(() => {}) : Promise.resolve(answer)
  }

  watch(_service: string, observer: DiscoveryObserver): DiscoverySubscription {
    const entry: DiscoveryObserver = {
      next: (...list) => observer.next(...list),
      error: (cause) => observer.error(cause),
    }
    this.#observers.add(entry)
    if (this.answer instanceof Error) entry.error(this.answer)
    else if (this.answer !== undefined) entry.next(this.answer)
    return {
      close: () => {
        this.#observers.delete(entry)
      },
    }
  }

  /** Emits a list to every watcher, and gives it to each later one. `rejected`: what cannot be used. */
  push(instances: readonly ServiceInstanceInit[], rejected?: readonly InvalidInstanceError[]): void {
    this.answer = instances
    for (const observer of Array.from(this.#observers)) observer.next(instances, rejected)
  }

  /** Emits a failure to every watcher. */
  fail(cause: Error): void {
    for (const observer of Array.from(this.#observers)) observer.error(cause)
  }
}
