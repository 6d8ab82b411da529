import { setTimeout as delay } from 'node:timers/promises'
import {
  type DiscoveryObserver,
  type DiscoverySubscription,
  type InvalidInstanceError,
  parseInstance,
  type ServiceDiscovery,
  type ServiceInstance,
  type ServiceInstanceInit,
} from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { expect } from 'vitest'
import type { DiscoveryHarness, RegistryOutage } from './harness.ts'

/** The harness, with what a test opened on it. */
export class DiscoveryFixture {
  readonly #harness: DiscoveryHarness
  readonly #addresses: readonly { readonly host: string; readonly port: number }[]
  #services = 0
  #failing = false
  #discoveries: ServiceDiscovery[] = []
  #watchers: Watcher[] = []

  constructor(harness: DiscoveryHarness) {
    this.#harness = harness
    this.#addresses =
      harness.addresses ?? [1, 2, 3, 4].map((number) => ({ host: `10.0.0.${number}`, port: 8079 + number }))
    if (this.#addresses.length < 4) throw new TypeError('addresses of the harness must be at least four')
  }

  /** The only port that the registry knows. */
  get port(): number | undefined {
    return this.#harness.port
  }

  get withinMs(): number {
    return this.#harness.withinMs ?? 5_000
  }

  /** For a whole test: no test waits for more than six changes. */
  get timeout(): number {
    return this.withinMs * 7 + 1_000
  }

  async open(): Promise<{ discovery: ServiceDiscovery; service: string }> {
    const discovery = await this.#harness.create()
    this.#discoveries.push(discovery)
    return { discovery, service: this.nextService() }
  }

  nextService(): string {
    this.#services++
    return `contract-${this.#services}`
  }

  list(count: number): { host: string; port: number }[] {
    return this.#addresses.slice(0, count).map(({ host, port }) => ({ host, port }))
  }

  set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    return this.#harness.set(service, instances)
  }

  watch(discovery: ServiceDiscovery, service: string): Watcher {
    const watcher = new Watcher(discovery, service)
    this.#watchers.push(watcher)
    return watcher
  }

  async malform(service: string): Promise<void> {
    await this.#harness.malform?.(service)
  }

  async fail(): Promise<void> {
    this.#failing = true
    await this.#harness.fail?.()
  }

  async recover(): Promise<void> {
    await this.#harness.recover?.()
    this.#failing = false
  }

  /** `fail` and `recover`. */
  get outage(): RegistryOutage {
    return { begin: () => this.fail(), end: () => this.recover() }
  }

  eventually(check: () => void | Promise<void>): Promise<void> {
    return eventually(this.withinMs, check)
  }

  async reset(): Promise<void> {
    if (this.#failing) await this.recover()
    for (const watcher of this.#watchers.splice(0)) watcher.close()
    for (const discovery of this.#discoveries.splice(0)) await discovery.close?.()
  }
}

/** An observer that records its notifications, together with its subscription. */
export class Watcher implements DiscoveryObserver {
  readonly lists: ServiceInstance[][] = []
  readonly errors: unknown[] = []
  /** What was rejected with the latest list. */
  rejected: readonly InvalidInstanceError[] = []
  onNext: () => void = () => {}
  /** `calls` at the moment of the first `close`. */
  callsWhenClosed: number | undefined
  readonly #subscription: DiscoverySubscription

  constructor(discovery: ServiceDiscovery, service: string) {
    if (typeof discovery.watch !== 'function') {
      throw new TypeError('the discovery has no watch; declare the capability push: false')
    }
    this.#subscription = discovery.watch(service, this)
  }

  get calls(): number {
    return this.lists.length + this.errors.length
  }

  get closed(): boolean {
    return this.callsWhenClosed !== undefined
  }

  next(instances: readonly ServiceInstanceInit[], rejected: readonly InvalidInstanceError[] = []): void {
    this.lists.push(instances.map(parseInstance))
    this.rejected = rejected
    this.onNext()
  }

  error(cause: unknown): void {
    this.errors.push(cause)
  }

  close(): void {
    this.callsWhenClosed ??= this.calls
    this.#subscription.close()
  }

  expectLatest(expected: readonly ServiceInstanceInit[]): void {
    const latest = this.lists.at(-1)
    expect(latest, 'the latest list of the watcher').toBeDefined()
    expect(addressesOf(latest ?? [])).toEqual(addressesOf(expected))
  }
}

const pollEveryMs = 20

/** Checks at once and then again and again, on real time, until `check` passes or `limitMs` is over. */
export async function eventually(limitMs: number, check: () => void | Promise<void>): Promise<void> {
  const untilMs = systemClock.now() + limitMs
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (systemClock.now() >= untilMs) throw error
    }
    await delay(pollEveryMs)
  }
}

export function addressOf({ host, port }: ServiceInstance): string {
  return `${host}:${port}`
}

/** What is compared: order carries no meaning, and ids are the registry's own. */
export function addressesOf(instances: readonly ServiceInstanceInit[]): string[] {
  return instances.map((init) => addressOf(parseInstance(init))).sort()
}
