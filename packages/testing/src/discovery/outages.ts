import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer, type LoadBalancerEvent, type ServiceDiscovery, type ServiceSnapshot } from '@lb/core'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { LoopbackBackend } from '../loopback-backend.ts'
import { Traffic } from '../traffic.ts'
import { DiscoveryFixture, eventually } from './fixture.ts'
import type { DiscoveryHarness, RegistryOutage } from './harness.ts'

/** In which every backend of a list gets a few calls. */
const windowMs = 200
/** The load balancer backs off too, and hundreds of calls take a while on a busy machine. */
const moreTimeMs = 15_000

/**
 * What `describeDiscovery` checks of outages alone, for a registry that needs a harness of its own for them, such as one in another network.
 *
 *     describeDiscoveryOutages('ConsulDiscovery', harness, { 'cut off': { begin: () => namespace.cutOff(), end: () => namespace.heal() } })
 */
export function describeDiscoveryOutages(
  name: string,
  harness: DiscoveryHarness,
  outages: Readonly<Record<string, RegistryOutage>>,
): void {
  describe(name, () => {
    const registry = new DiscoveryFixture(harness)
    afterEach(() => registry.reset())
    afterAll(() => harness.close?.())
    describeOutages(registry, outages)
  })
}

/** Requests do not need the registry. */
export function describeOutages(registry: DiscoveryFixture, outages: Readonly<Record<string, RegistryOutage>>): void {
  it.each(Object.entries(outages))(
    'lets requests go on while the registry is %s, and follows the list when that is over',
    { timeout: registry.timeout + 8 * moreTimeMs },
    async (_, outage) => {
      const { discovery, service } = await registry.open()
      const clients = await Clients.start(discovery, service, registry.port)
      const [a, b, c] = clients.addresses
      let isAway = false
      const soon = (check: () => void | Promise<void>): Promise<void> =>
        eventually(registry.withinMs + moreTimeMs, check)
      try {
        await registry.set(service, [a, b])
        await soon(() => clients.use())
        await soon(() => clients.reach('a', 'b'))
        isAway = true
        await outage.begin()
        await soon(() => expect(clients.snapshot.status).toBe('stale'))
        expect(clients.snapshot.discoveryError).toBeTruthy()
        // Also while it is known that the list is old, and hundreds of calls later.
        await soon(() => clients.reach('a', 'b'))
        await soon(() => expect(clients.answers).toBeGreaterThan(200))
        expect(clients.events).not.toContain('empty-list-held')
        await outage.end()
        isAway = false
        await soon(() => registry.set(service, [a, b, c]))
        await soon(() => clients.reach('a', 'b', 'c'))
        await registry.set(service, [c])
        await soon(() => clients.reach('c'))
        expect(clients.events).toContain('discovery-recovered')
        await soon(() => expect(clients.snapshot.status).toBe('fresh'))
        expect(clients.failures).toEqual([])
      } finally {
        if (isAway) await outage.end()
        await clients.stop()
      }
    },
  )
}

type Address = { readonly host: string; readonly port: number }

/** Three backends `a`, `b` and `c`, and calls to those of them that the discovery knows. */
class Clients {
  readonly events: LoadBalancerEvent['type'][] = []
  readonly #service: string
  readonly #backends: readonly LoopbackBackend[]
  readonly #lb: LoadBalancer
  #traffic: Traffic | undefined

  static async start(discovery: ServiceDiscovery, service: string, port: number | undefined): Promise<Clients> {
    const backends = await Promise.all(
      ['a', 'b', 'c'].map((id, index) =>
        LoopbackBackend.start(port === undefined ? { id } : { id, host: `127.0.0.${index + 1}`, port }),
      ),
    )
    return new Clients(discovery, service, backends)
  }

  private constructor(discovery: ServiceDiscovery, service: string, backends: readonly LoopbackBackend[]) {
    this.#service = service
    this.#backends = backends
    this.#lb = new LoadBalancer({ discovery, closeDiscoveries: false, refreshIntervalMs: 200 })
    this.#lb.subscribe(({ type }) => this.events.push(type))
  }

  get addresses(): readonly [Address, Address, Address] {
    const [a, b, c] = this.#backends.map(({ host, port }) => ({ host, port }))
    return [a as Address, b as Address, c as Address]
  }

  get failures(): readonly unknown[] {
    return this.#traffic?.failures ?? []
  }

  get snapshot(): ServiceSnapshot {
    return this.#lb.inspect(this.#service)
  }

  /** How many requests were answered since the last `reach`. */
  get answers(): number {
    return this.#traffic?.count ?? 0
  }

  /** Sends requests as soon as there is an instance. A service without one is forgotten, so it is asked for again. */
  async use(): Promise<void> {
    await this.#lb.ready(this.#service)
    expect(this.snapshot.instances).not.toHaveLength(0)
    this.#traffic ??= new Traffic(this.#lb, this.#service)
  }

  /** Whether requests reach these backends, and no other. */
  async reach(...ids: readonly string[]): Promise<void> {
    this.#traffic?.takeAnswers()
    await delay(windowMs)
    expect([...(this.#traffic?.answers.keys() ?? [])].sort()).toEqual(ids)
  }

  async stop(): Promise<void> {
    await this.#traffic?.stop()
    await this.#lb.close()
    await Promise.all(this.#backends.map((backend) => backend.stop()))
  }
}
