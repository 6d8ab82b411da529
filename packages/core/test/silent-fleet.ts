import { FakeClock, seededRandom } from '@lb/testing'
import { type ExecuteOptions, LoadBalancer, type LoadBalancerOptions, StaticDiscovery } from '../src/index.ts'

/** How long an answer takes at an instance that works, in milliseconds. */
export type Duration = (random: () => number, nowMs: number) => number

/** A call that was made, and how long it took; NaN while it waits. */
export interface MadeCall {
  readonly startedAtMs: number
  tookMs: number
}

/** A service in virtual time whose instances can be frozen: one that is takes requests and answers nothing, until it goes on. */
export class SilentFleet {
  readonly clock: FakeClock = new FakeClock()
  readonly random: () => number
  readonly lb: LoadBalancer
  readonly ids: readonly string[]
  readonly discovery: StaticDiscovery
  readonly ejected: string[] = []
  readonly calls: MadeCall[] = []
  attempts = 0
  failed = 0
  /** Attempts beyond the first of a call. */
  retries = 0
  readonly #frozen = new Set<string>()
  #ended = false

  constructor(seed: number, size: number, options: Partial<LoadBalancerOptions> = {}) {
    this.random = seededRandom(seed)
    this.ids = Array.from({ length: size }, (_, index) => `10.0.0.${index + 1}:80`)
    this.discovery = new StaticDiscovery({ users: this.ids })
    this.lb = new LoadBalancer({ discovery: this.discovery, clock: this.clock, random: this.random, ...options })
    this.lb.subscribe((event) => {
      if (event.type === 'instance-ejected' && event.enforced) this.ejected.push(event.instance.id)
      if (event.type === 'retry') this.retries++
      if (event.type === 'request-finished') this.attempts++
    })
  }

  freeze(...ids: readonly string[]): void {
    for (const id of ids) this.#frozen.add(id)
  }

  /** Those that go on answer nothing of what they were asked before. */
  thaw(): void {
    this.#frozen.clear()
  }

  async call(duration: Duration, options: ExecuteOptions = {}): Promise<void> {
    const { clock, random } = this
    const call: MadeCall = { startedAtMs: clock.now(), tookMs: Number.NaN }
    this.calls.push(call)
    try {
      await this.lb.execute(
        'users',
        ({ id }, context) =>
          new Promise<void>((resolve, reject) => {
            const cancel = this.#answer(id, duration(random, clock.now()), resolve)
            context.onInterrupt((reason) => {
              cancel()
              reject(reason)
            })
          }),
        { idempotent: true, ...options },
      )
    } catch {
      if (!this.#ended) this.failed++
    }
    call.tookMs = clock.now() - call.startedAtMs
  }

  /** Calls one after another, with `pauseMs` between them. */
  async work(duration: Duration, pauseMs: number, options: ExecuteOptions = {}): Promise<void> {
    while (!this.#ended) {
      await this.call(duration, options)
      await this.sleep(pauseMs)
    }
  }

  /** A call every `everyMs` for `forMs`, whatever becomes of them. */
  async load(duration: Duration, everyMs: number, forMs: number, options: ExecuteOptions = {}): Promise<void> {
    for (let passedMs = 0; passedMs < forMs; passedMs += everyMs) {
      void this.call(duration, options)
      await this.clock.advance(everyMs)
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimeout(resolve, ms))
  }

  state(id: string): string | undefined {
    return this.lb.inspect('users').instances.find(({ instance }) => instance.id === id)?.state
  }

  get inFlight(): number {
    return this.lb.inspect('users').inFlight
  }

  /** How long calls waited that began from `fromMs` on and took longer than `overMs`; those that wait still, until now. */
  waits(fromMs: number, overMs: number): number[] {
    const now = this.clock.now()
    return this.calls
      .filter(({ startedAtMs, tookMs }) => startedAtMs + (Number.isNaN(tookMs) ? now - startedAtMs : tookMs) >= fromMs)
      .map(({ startedAtMs, tookMs }) => (Number.isNaN(tookMs) ? now - Math.max(fromMs, startedAtMs) : tookMs))
      .filter((waitMs) => waitMs > overMs)
      .sort((a, b) => a - b)
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.lb.close()
  }

  #answer(id: string, afterMs: number, resolve: () => void): () => void {
    return this.clock.setTimeout(() => {
      if (!this.#frozen.has(id)) resolve()
    }, afterMs)
  }
}
