import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { KubernetesDiscovery, type KubernetesDiscoveryOptions } from '../src/index.ts'
import { LoopbackApiServer } from './loopback-api-server.ts'
import { type SliceJson, slice } from './slices.ts'

/** The delay after the first failure: 800 ms, half of it, as chance is. */
export const retryMs = 400

/** The service `orders` on a fake API server, followed in a time that passes only when a test says so. New for each test. */
export class FollowedService {
  server!: LoopbackApiServer
  clock!: FakeClock
  notes!: Notes
  discovery: KubernetesDiscovery | undefined

  /** To be called where a suite begins. */
  static forEachTest(): FollowedService {
    const followed = new FollowedService()
    beforeEach(async () => {
      followed.server = await LoopbackApiServer.start()
      followed.clock = new FakeClock()
      followed.notes = new Notes()
    })
    afterEach(async () => {
      await followed.discovery?.close()
      followed.discovery = undefined
      await followed.server.stop()
    })
    return followed
  }

  follow(options: KubernetesDiscoveryOptions = {}): void {
    this.discovery = new KubernetesDiscovery({
      server: this.server.url,
      clock: this.clock,
      random: () => 0.5,
      ...options,
    })
    this.discovery.watch('orders', this.notes)
  }

  /** Waits for the network; time stands still meanwhile. */
  eventually(check: () => void): Promise<void> {
    return vi.waitFor(check, { timeout: 5_000, interval: 2 })
  }

  /** Lets time pass in small steps until `check` holds, as what comes over the network and what waits for time take turns. */
  async eventuallyAdvancing(check: () => void, stepMs = 50): Promise<void> {
    await vi.waitFor(
      async () => {
        await this.clock.advance(stepMs)
        check()
      },
      { timeout: 5_000, interval: 2 },
    )
  }

  /** Until so many watches were begun. */
  async watching(count: number): Promise<void> {
    await this.eventually(() => expect(this.server.watches).toHaveLength(count))
  }

  async told(...hosts: string[]): Promise<void> {
    await this.eventuallyAdvancing(() => expect(this.notes.hosts).toEqual(hosts))
  }
}

/** A slice of `orders` as of a version. */
export function at(version: string, name: string, ...hosts: string[]): SliceJson {
  return slice('orders', name, hosts, { metadata: { name, resourceVersion: version } })
}
