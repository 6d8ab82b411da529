import { FakeClock, FakeDiscovery, seededRandom, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { defineDiscovery, type PollResult } from '../src/authoring.ts'
import { LoadBalancer, type LoadBalancerOptions, type ServiceDiscovery } from '../src/index.ts'
import { refused } from './observed-load-balancer.ts'

/** Instances that come and go, a registry that knows them, and calls in virtual time. */
class Deployment {
  readonly clock = new FakeClock()
  readonly discovery: FakeDiscovery
  readonly lb: LoadBalancer
  readonly failures: unknown[] = []
  calls = 0
  longestMs = 0
  #alive: Set<number>

  constructor(
    ports: readonly number[],
    seed: number,
    options: Partial<LoadBalancerOptions> = {},
    discoveryOf: (registry: FakeDiscovery, clock: FakeClock) => ServiceDiscovery = (registry) => registry,
  ) {
    this.#alive = new Set(ports)
    this.discovery = new FakeDiscovery()
    this.register(ports)
    this.lb = new LoadBalancer({
      discovery: discoveryOf(this.discovery, this.clock),
      clock: this.clock,
      random: seededRandom(seed),
      ...options,
    })
  }

  register(ports: readonly number[]): void {
    this.discovery.answer = ports.map((port) => `10.0.0.1:${port}`)
  }

  run(ports: readonly number[]): void {
    this.#alive = new Set(ports)
  }

  async call(idempotent = true): Promise<void> {
    this.calls++
    const startedAtMs = this.clock.now()
    const attempt = async (instance: { port: number }): Promise<string> => {
      await this.#pass(1)
      if (!this.#alive.has(instance.port)) throw refused
      await this.#pass(5)
      return 'value'
    }
    await this.lb.execute('users', attempt, { idempotent }).catch((error: unknown) => this.failures.push(error))
    this.longestMs = Math.max(this.longestMs, this.clock.now() - startedAtMs)
  }

  /** A call every `everyMs`, for `durationMs`. */
  async load(durationMs: number, everyMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += everyMs) {
      void this.call(this.calls % 2 === 0)
      await this.clock.advance(everyMs)
    }
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.setTimeout(resolve, ms)
    })
  }
}

const old = [1, 2, 3, 4]
const seeds = [1, 2, 3]

/** The discovery of a deployment, with lists that may be samples. */
function sampling(registry: FakeDiscovery, clock: FakeClock): ServiceDiscovery {
  const ask = async (): Promise<PollResult> => ({
    instances: await registry.getInstances('users'),
    ttlMs: 10_000,
    sample: { ttlMs: 10_000 },
  })
  return defineDiscovery({ service: () => ({ ask }), clock })
}

describe('with lists that may be samples, and hold for 10 s,', () => {
  it.each(seeds.flatMap((seed) => [300, 3_000].map((stepMs) => [stepMs, seed] as const)))(
    'no call fails while four instances are replaced one by one, each %s ms, and none of the old ones stays (seed %s)',
    async (stepMs, seed) => {
      const deployment = new Deployment(old, seed, {}, sampling)
      await deployment.load(2_000, 20)
      for (let replaced = 1; replaced <= old.length; replaced++) {
        const ports = [...old.slice(replaced), ...old.slice(0, replaced).map((port) => port + 10)]
        deployment.run(ports)
        deployment.register(ports)
        await deployment.load(stepMs, 20)
      }
      await deployment.load(3_000, 20)
      expect(deployment.failures).toEqual([])
      const known = deployment.lb.inspect('users').instances.map(({ instance }) => instance.port)
      expect(new Set(known)).toEqual(new Set([11, 12, 13, 14]))
    },
  )
})

describe('with a discovery that is polled every 10 s, and the defaults', () => {
  it.each(seeds.flatMap((seed) => [300, 1_000, 3_000].map((stepMs) => [stepMs, seed] as const)))(
    'no call fails while four instances are replaced one by one, each %s ms (seed %s)',
    async (stepMs, seed) => {
      const deployment = new Deployment(old, seed)
      await deployment.load(2_000, 20)
      for (let replaced = 1; replaced <= old.length; replaced++) {
        const ports = [...old.slice(replaced), ...old.slice(0, replaced).map((port) => port + 10)]
        deployment.run(ports)
        deployment.register(ports)
        await deployment.load(stepMs, 20)
      }
      await deployment.load(3_000, 20)
      expect(deployment.failures).toEqual([])
      expect(deployment.longestMs).toBeLessThan(2_000)
    },
  )

  it.each(seeds.flatMap((seed) => [0, 1_000].map((lateMs) => [lateMs, seed] as const)))(
    'no call fails when all are replaced at once and the registry knows it %s ms later (seed %s)',
    async (lateMs, seed) => {
      const deployment = new Deployment(old, seed)
      await deployment.load(2_000, 20)
      const ports = old.map((port) => port + 10)
      deployment.run(ports)
      await deployment.load(lateMs, 20)
      deployment.register(ports)
      await deployment.load(5_000, 20)
      expect(deployment.failures).toEqual([])
    },
  )

  it('a registry whose list stays the same is asked ever more seldom', async () => {
    const deployment = new Deployment(old, 1)
    await deployment.load(2_000, 20)
    deployment.run([])
    const asked = [deployment.discovery.asked]
    for (const ms of [1_000, 9_000, 20_000]) {
      await deployment.load(ms, 100)
      asked.push(deployment.discovery.asked)
    }
    const [start = 0, second = 0, tenth = 0, thirtieth = 0] = asked
    expect(second - start).toBeLessThanOrEqual(2)
    expect(tenth - start).toBeLessThanOrEqual(7)
    expect(thirtieth - tenth).toBeLessThanOrEqual(5)
    await deployment.lb.close()
    await settlePromises()
    expect(deployment.clock.pendingTimers).toBe(0)
  })
})
