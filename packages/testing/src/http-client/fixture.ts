import { LoadBalancer, type LoadBalancerEvent, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { expect } from 'vitest'
import { type BackendScript, LoopbackBackend } from '../loopback-backend.ts'
import type { HttpClientHarness, HttpClientOptions, HttpClientRequest, HttpClientResponse } from './harness.ts'
import { runningTimeOf } from './running-time.ts'

export const get: HttpClientRequest = { url: 'http://user-service/' }
export const post: HttpClientRequest = { url: 'http://user-service/', method: 'POST', body: 'x' }

/** Far less than what a request waits for that does not end early: 20 s of a Retry-After, 10 s of a drain, or for ever. */
const promptlyMs = 2_000

/** The client under test before three backends of `user-service`: new ones for each test. */
export class HttpClientFixture {
  backends!: readonly [LoopbackBackend, LoopbackBackend, LoopbackBackend]
  lb!: LoadBalancer
  events: LoadBalancerEvent[] = []
  send!: (request: HttpClientRequest) => Promise<HttpClientResponse>
  readonly #harness: HttpClientHarness

  constructor(harness: HttpClientHarness) {
    this.#harness = harness
  }

  async start(): Promise<void> {
    this.backends = await Promise.all([
      LoopbackBackend.start({ id: 'a' }),
      LoopbackBackend.start({ id: 'b' }),
      LoopbackBackend.start({ id: 'c' }),
    ])
    this.#create({})
  }

  async stop(): Promise<void> {
    await this.lb.close()
    await Promise.all(this.backends.map((backend) => backend.stop()))
  }

  /** A new load balancer with `options`, and a new client of it with its own, instead of those before. */
  async use(options: Partial<LoadBalancerOptions>, client?: HttpClientOptions): Promise<void> {
    await this.lb.close()
    this.#create(options, client)
  }

  /** The same with the first backend alone, which it gives. */
  async useFirst(options: Partial<LoadBalancerOptions> = {}, client?: HttpClientOptions): Promise<LoopbackBackend> {
    const [only] = this.backends
    await this.use({ discovery: new StaticDiscovery({ 'user-service': [only.address] }), ...options }, client)
    return only
  }

  /** Gives every backend the same script. */
  script(script: BackendScript): void {
    for (const backend of this.backends) backend.script = script
  }

  /** Requests that all backends together have read. */
  get requests(): number {
    return this.backends.reduce((sum, backend) => sum + backend.requests.length, 0)
  }

  /** One event for each attempt that was reported done. */
  get finished(): LoadBalancerEvent[] {
    return this.events.filter(({ type }) => type === 'request-finished')
  }

  /** Sends `request` so many times, one after the other, and expects `status` each time. */
  async expectStatus(status: number, request: HttpClientRequest = get, times = 1): Promise<void> {
    for (let time = 0; time < times; time++) expect((await this.send(request)).status).toBe(status)
  }

  /** Expects that so many attempts were reported done, each once, and that nothing is in flight. */
  async expectAllDone(attempts: number): Promise<void> {
    await seen(() => this.finished.length >= attempts)
    expect(this.finished).toHaveLength(attempts)
    expect(this.lb.inspect('user-service').inFlight).toBe(0)
  }

  #create(options: Partial<LoadBalancerOptions>, client?: HttpClientOptions): void {
    this.lb = new LoadBalancer({
      discovery: new StaticDiscovery({ 'user-service': this.backends.map(({ address }) => address) }),
      retry: { backoffBaseMs: 1 },
      ...options,
    })
    const events: LoadBalancerEvent[] = []
    this.events = events
    this.lb.subscribe((event) => events.push(event))
    this.send = this.#harness.create(this.lb, client)
  }
}

/** Sockets give no sign when the other side has seen something, so the suite looks for it. */
export async function seen(condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 20_000, interval: 2 }).toBe(true)
}

export async function expectPrompt(work: () => Promise<unknown>): Promise<void> {
  expect(await runningTimeOf(work)).toBeLessThan(promptlyMs)
}
