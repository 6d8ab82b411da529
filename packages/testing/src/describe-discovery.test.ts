import type { ServiceDiscovery, ServiceInstanceInit } from '@lb/core'
import { OpenSubscriptions, poll } from '@lb/core/authoring'
import { describe, expect, it } from 'vitest'
import { describeDiscovery } from './describe-discovery.ts'
import type { DiscoveryHarness } from './discovery-harness.ts'

/** A registry in memory that behaves like one behind a network: it answers later, and may be unreachable. */
class MemoryRegistry implements DiscoveryHarness {
  readonly #services = new Map<string, readonly ServiceInstanceInit[]>()
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
    const getInstances = (service: string): Promise<readonly ServiceInstanceInit[]> => this.#answer(service)
    if (!this.#watch) return { getInstances }
    const open = new OpenSubscriptions()
    const watch = poll((service) => getInstances(service), { intervalMs: 10, retryMinMs: 10, retryMaxMs: 20 })
    return {
      getInstances: async (service) => {
        open.throwIfClosed(service)
        return getInstances(service)
      },
      watch: (service, observer) => open.open(service, observer, watch),
      close: () => open.close(),
    }
  }

  async set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    this.#services.set(service, instances)
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

describeDiscovery('a discovery that is polled', new MemoryRegistry({ unknownService: 'error', watch: false }), {
  push: false,
  unknownService: 'error',
  failure: true,
})

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
