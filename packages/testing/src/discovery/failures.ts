import { expect, it } from 'vitest'
import { addressesOf, type DiscoveryFixture } from './fixture.ts'

/** A registry that cannot be reached is an error, never an empty list; when it is back, so is the list. */
export function describeFailures(registry: DiscoveryFixture, push: boolean): void {
  const { timeout } = registry

  it('rejects while the registry cannot be reached, and answers again by itself', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const list = registry.list(2)
    await registry.set(service, list)
    await registry.eventually(async () => {
      expect(addressesOf(await discovery.getInstances(service))).toEqual(addressesOf(list))
    })
    await registry.fail()
    await registry.eventually(() => expect(discovery.getInstances(service)).rejects.toThrow())
    await registry.recover()
    await registry.eventually(async () => {
      expect(addressesOf(await discovery.getInstances(service))).toEqual(addressesOf(list))
    })
  })

  if (!push) return

  it('emits the failure to a watcher, never an empty list, and recovers by itself', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(2))
    const watcher = registry.watch(discovery, service)
    await registry.eventually(() => watcher.expectLatest(registry.list(2)))
    // A registry that takes a while to show what was written to it has emitted an empty list before.
    const before = watcher.lists.length
    await registry.fail()
    await registry.eventually(() => expect(watcher.errors.length).toBeGreaterThan(0))
    await registry.recover()
    await registry.set(service, registry.list(3))
    await registry.eventually(() => watcher.expectLatest(registry.list(3)))
    for (const seen of watcher.lists.slice(before)) expect(seen.length).toBeGreaterThan(0)
  })

  it('emits the list to a watcher that was added while the registry could not be reached', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(2))
    await registry.fail()
    const watcher = registry.watch(discovery, service)
    await registry.eventually(() => expect(watcher.errors.length).toBeGreaterThan(0))
    expect(watcher.lists).toEqual([])
    await registry.recover()
    await registry.eventually(() => watcher.expectLatest(registry.list(2)))
  })
}
