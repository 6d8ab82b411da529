import { expect, it } from 'vitest'
import type { DiscoveryFixture } from './fixture.ts'

/** A watch keeps no process alive. The registry runs in another one, so that every resource of this one is the discovery's. */
export function describeProcessLife(registry: DiscoveryFixture): void {
  it('does not keep the process alive by a watch', { timeout: registry.timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(1))
    const counted = (): number => process.getActiveResourcesInfo().filter((name) => /wrap$/i.test(name)).length
    const before = counted()
    const watcher = registry.watch(discovery, service)
    await registry.eventually(() => watcher.expectLatest(registry.list(1)))
    await registry.eventually(() =>
      expect(counted(), 'sockets that keep the process alive').toBeLessThanOrEqual(before),
    )
  })
}
