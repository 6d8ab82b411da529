import type { ServiceDiscovery, ServiceInstanceInit } from '@lb/core'
import { defineDiscovery, rejection } from '@lb/core/authoring'
import { describe, expect, it } from 'vitest'
import { describeDiscovery } from './describe-discovery.ts'
import type { DiscoveryHarness } from './discovery/harness.ts'

/** A registry in memory that behaves like one behind a network: it answers later, and may be unreachable. */
class MemoryRegistry implements DiscoveryHarness {
  readonly #services = new Map<string, readonly ServiceInstanceInit[]>()
  readonly #malformed = new Set<string>()
  readonly #unknownService: 'empty' | 'error'
  readonly #watch: boolean
  #reachable = true
  readonly withinMs = 1_000
  readonly addresses: readonly { host: string; port: number }[] = [
    { host: 'a.example', port: 80 },
    { host: 'a.example', port: 81 },
    { host: '2001:db8::1', port: 80 },
    { host: '10.0.0.1', port: 80 },
  ]

  constructor({ unknownService, watch }: { unknownService: 'empty' | 'error'; watch: boolean }) {
    this.#unknownService = unknownService
    this.#watch = watch
  }

  create(): ServiceDiscovery {
    if (!this.#watch) return { getInstances: (service) => this.#answer(service) }
    return defineDiscovery({
      service: (service) => ({
        ask: async () => {
          const instances = await this.#answer(service)
          const rejected = this.#malformed.has(service) ? [rejection('the bad one', new Error('no address'))] : []
          return { instances, rejected }
        },
      }),
      poll: { intervalMs: 10, retryMinMs: 10, retryMaxMs: 20 },
    })
  }

  async set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    this.#services.set(service, instances)
  }

  async malform(service: string): Promise<void> {
    this.#malformed.add(service)
  }

  async fail(): Promise<void> {
    this.#reachable = false
  }

  async recover(): Promise<void> {
    this.#reachable = true
  }

  async #answer(service: string): Promise<readonly ServiceInstanceInit[]> {
    await new Promise((resolve) => setImmediate(resolve))
    if (!this.#reachable) throw new Error('unreachable')
    const list = this.#services.get(service)
    if (list === undefined && this.#unknownService === 'error') throw new Error(`${service} is unknown`)
    return list?.toReversed() ?? []
  }
}

/** A discovery without a watch has no place for what is rejected. */
function withoutMalformed(registry: MemoryRegistry): DiscoveryHarness {
  const { addresses, withinMs } = registry
  return {
    addresses,
    withinMs,
    create: () => registry.create(),
    set: (service, instances) => registry.set(service, instances),
    fail: () => registry.fail(),
    recover: () => registry.recover(),
  }
}

describeDiscovery(
  'a discovery that is polled',
  withoutMalformed(new MemoryRegistry({ unknownService: 'error', watch: false })),
  {
    push: false,
    unknownService: 'error',
    failure: true,
  },
)

describeDiscovery('a discovery that watches', new MemoryRegistry({ unknownService: 'empty', watch: true }), {
  weights: true,
  priority: true,
  metadata: true,
  secure: true,
  failure: true,
})

describe('describeDiscovery', () => {
  it('refuses the capability failure without a way to make the registry fail', () => {
    const harness = new MemoryRegistry({ unknownService: 'empty', watch: false })
    const { addresses } = harness
    const define = (): void =>
      describeDiscovery('x', { create: () => harness.create(), set: async () => {}, addresses }, { failure: true })
    expect(define).toThrow('x: the capability failure needs fail and recover in the harness')
  })
})
