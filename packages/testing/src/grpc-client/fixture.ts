import { LoadBalancer, type LoadBalancerEvent, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { expect } from 'vitest'
import type { GrpcClientHarness, GrpcClientUnderTest } from './harness.ts'
import { LoopbackGrpcServer } from './loopback-server.ts'
import { textMethod } from './text-message.ts'

export const service = 'user-service'
/** Long enough for anything that should come. */
export const deadlineMs = 10_000

const metadataKeys = { hashedMetadata: 'user', criticalityMetadata: 'x-lb-criticality' }

/** The client under test before three servers of `user-service`: new ones for each test. */
export class GrpcClientFixture {
  servers!: readonly [LoopbackGrpcServer, LoopbackGrpcServer, LoopbackGrpcServer]
  discovery!: StaticDiscovery
  lb!: LoadBalancer
  events: LoadBalancerEvent[] = []
  client!: GrpcClientUnderTest
  readonly #harness: GrpcClientHarness

  constructor(harness: GrpcClientHarness) {
    this.#harness = harness
  }

  async start(): Promise<void> {
    const { grpc } = this.#harness
    this.servers = await Promise.all([
      LoopbackGrpcServer.start(grpc, 'a'),
      LoopbackGrpcServer.start(grpc, 'b'),
      LoopbackGrpcServer.start(grpc, 'c'),
    ])
    this.discovery = new StaticDiscovery({ [service]: this.servers.map(({ address }) => address) })
    this.#create({}, [])
  }

  async stop(): Promise<void> {
    this.client.close()
    await this.lb.close()
    for (const server of this.servers) server.kill()
  }

  /** A new load balancer with `options`, and a new client of it, instead of those before. Calls of `Say` may be repeated, unless not. */
  async use(options: Partial<LoadBalancerOptions>, idempotent = true): Promise<void> {
    this.client.close()
    await this.lb.close()
    this.#create(options, idempotent ? [textMethod('Say').path] : [])
  }

  /** Makes another client, of another service. */
  clientOf(name: string): GrpcClientUnderTest {
    return this.#harness.create(this.lb, name, { ...metadataKeys, idempotent: [] })
  }

  /** Calls so many times, one after the other, and gives how often each server responded. */
  async say(times: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (let time = 0; time < times; time++) {
      const id = (await this.client.say({ text: 'hi', deadlineMs })).slice(0, 1)
      counts[id] = (counts[id] ?? 0) + 1
    }
    return counts
  }

  /** Waits until every instance has a connection: then shares are exact. */
  async connected(ids: readonly string[] = ['a', 'b', 'c']): Promise<void> {
    const missing = new Set(ids)
    await expect
      .poll(async () => {
        missing.delete((await this.client.say({ text: 'hi', deadlineMs })).slice(0, 1))
        return missing.size
      })
      .toBe(0)
  }

  get addresses(): readonly [string, string, string] {
    const [a, b, c] = this.servers
    return [a.address, b.address, c.address]
  }

  /** Calls that all servers together have received. */
  get received(): number {
    return this.servers.reduce((sum, { calls }) => sum + calls.length, 0)
  }

  get inFlight(): number {
    return this.lb.inspect(service).inFlight
  }

  /** The states of the instances, in the order of the servers. */
  get states(): string[] {
    return this.lb.inspect(service).instances.map(({ state }) => state)
  }

  async expectIdle(): Promise<void> {
    await expect.poll(() => this.inFlight).toBe(0)
  }

  #create(options: Partial<LoadBalancerOptions>, idempotent: readonly string[]): void {
    this.lb = new LoadBalancer({ discovery: this.discovery, closeDiscoveries: false, ...options })
    const events: LoadBalancerEvent[] = []
    this.events = events
    this.lb.subscribe((event) => events.push(event))
    this.client = this.#harness.create(this.lb, service, { ...metadataKeys, idempotent })
  }
}

/** The code of the status with which `call` fails. */
export async function codeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
    return 0
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error ? error.code : error
  }
}
