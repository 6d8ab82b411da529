import { it } from 'vitest'
import type { DiscoveryFixture } from './fixture.ts'

/** A watch emits the full list, soon and on every change. */
export function describeWatching(registry: DiscoveryFixture): void {
  const { timeout } = registry

  it('emits the full list to a watcher soon, and again on every change', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const all = registry.list(4)
    await registry.set(service, all.slice(0, 2))
    const watcher = registry.watch(discovery, service)
    await registry.eventually(() => watcher.expectLatest(all.slice(0, 2)))
    for (const list of [all.slice(1), all.slice(3), [], all]) {
      await registry.set(service, list)
      await registry.eventually(() => watcher.expectLatest(list))
    }
  })

  it('emits nothing of other services', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const other = registry.nextService()
    await registry.set(service, registry.list(1))
    await registry.set(other, registry.list(2))
    const watcher = registry.watch(discovery, service)
    const otherWatcher = registry.watch(discovery, other)
    await registry.eventually(() => {
      watcher.expectLatest(registry.list(1))
      otherWatcher.expectLatest(registry.list(2))
    })
    await registry.set(other, registry.list(4))
    await registry.eventually(() => otherWatcher.expectLatest(registry.list(4)))
    watcher.expectLatest(registry.list(1))
  })
}
