import type {
  DiscoveryObserver,
  DiscoverySubscription,
  InvalidInstanceError,
  ServiceDiscovery,
  ServiceInstanceInit,
} from '@lb/core'

/** What a fake discovery returns: a list, or an error with which it rejects. */
export type FakeAnswer = readonly ServiceInstanceInit[] | Error

interface Pending {
  readonly service: string
  readonly signal: AbortSignal | undefined
  readonly resolve: (instances: readonly ServiceInstanceInit[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * A discovery for tests, without `watch`. The test determines what it returns and when, and can count the queries.
 *
 *     const discovery = new FakeDiscovery(['10.0.0.1:80'])
 *     discovery.answer = new Error('down')        // from now on
 *     discovery.answer = 'wait'                   // resolves only on `release`
 */
export class FakeDiscovery implements ServiceDiscovery {
  /** The result of every query. With `'wait'`, queries stay open until `release`. @default [] */
  answer: FakeAnswer | 'wait'
  /** The number of queries so far. */
  asked = 0
  /** Whether `close` was called. */
  closed = false
  readonly #pending: Pending[] = []

  constructor(answer: FakeAnswer | 'wait' = []) {
    this.answer = answer
  }

  get [Symbol.toStringTag](): string {
    return 'FakeDiscovery'
  }

  /** The number of queries that have neither a result nor an aborted signal. */
  get open(): number {
    return this.#pending.filter(({ signal }) => signal?.aborted !== true).length
  }

  /** Counts a query and returns `answer`. */
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

  /** Settles every open query, including aborted ones: a late result. */
  release(answer: FakeAnswer): void {
    for (const { resolve, reject } of this.#pending.splice(0)) {
      if (answer instanceof Error) reject(answer)
      else resolve(answer)
    }
  }

  /** Sets `closed`; changes nothing else. */
  close(): void {
    this.closed = true
  }
}

/** A discovery for tests that pushes: `push` and `fail` reach every watcher. */
export class FakeWatchDiscovery implements ServiceDiscovery {
  /** What `getInstances` returns and each new watcher receives first. `undefined`: nothing yet. */
  answer: FakeAnswer | undefined
  /** The number of `getInstances` calls so far. */
  asked = 0
  readonly #observers = new Set<DiscoveryObserver>()

  constructor(answer?: FakeAnswer) {
    this.answer = answer
  }

  get [Symbol.toStringTag](): string {
    return 'FakeWatchDiscovery'
  }

  /** The number of open watches. */
  get watchers(): number {
    return this.#observers.size
  }

  /** Counts a query and returns `answer`. Without an answer, the promise never settles. */
  getInstances(): Promise<readonly ServiceInstanceInit[]> {
    this.asked++
    const { answer } = this
    if (answer instanceof Error) return Promise.reject(answer)
    return answer === undefined ? new Promise(() => {}) : Promise.resolve(answer)
  }

  /** Adds a watcher, which receives `answer` at once if there is one. The name of the service has no effect. */
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

  /**
   * Emits a list to every watcher, and to each later one at its start. `rejected` are the errors of unusable entries.
   */
  push(instances: readonly ServiceInstanceInit[], rejected?: readonly InvalidInstanceError[]): void {
    this.answer = instances
    for (const observer of Array.from(this.#observers)) observer.next(instances, rejected)
  }

  /** Emits a failure to every watcher. */
  fail(cause: Error): void {
    for (const observer of Array.from(this.#observers)) observer.error(cause)
  }
}
