import { parseInstance } from '@lb/core'
import { expect, it } from 'vitest'
import { addressesOf, type DiscoveryFixture } from './fixture.ts'

/** What cannot be used is left out and named; the rest of the list is used, and every element of it can be. */
export function describeMalformed(registry: DiscoveryFixture): void {
  const { timeout } = registry

  it('leaves out an entry that cannot be used, and says which and why', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const list = registry.list(2)
    await registry.set(service, list)
    await registry.malform(service)
    const watcher = registry.watch(discovery, service)
    await registry.eventually(() => {
      watcher.expectLatest(list)
      expect(watcher.rejected).toMatchObject([{ code: 'LB_INVALID_INSTANCE', message: expect.stringMatching(/.: ./) }])
    })
    const instances = await discovery.getInstances(service)
    expect(() => instances.map(parseInstance)).not.toThrow()
    expect(addressesOf(instances)).toEqual(addressesOf(list))
  })

  it('takes a list of which nothing is left for a failure, not for an empty one', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.malform(service)
    await registry.eventually(() =>
      expect(discovery.getInstances(service)).rejects.toMatchObject({ code: 'LB_DISCOVERY', service }),
    )
  })
}
