import { expect, it } from 'vitest'
import { addressesOf, type DiscoveryFixture } from './fixture.ts'
import type { DiscoveryCapabilities } from './harness.ts'

/** The list is what the registry has, of this service alone. */
export function describeLists(registry: DiscoveryFixture): void {
  const { timeout } = registry

  it('gives exactly the instances that were set', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const list = registry.list(3)
    await registry.set(service, list)
    await registry.eventually(async () => {
      expect(addressesOf(await discovery.getInstances(service))).toEqual(addressesOf(list))
    })
  })

  it('gives an empty list for a service that is known to have no instance', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, [])
    await registry.eventually(async () => {
      expect(await discovery.getInstances(service)).toEqual([])
    })
  })

  it('sees instances come, change and go', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const all = registry.list(4)
    for (const list of [all.slice(0, 1), all.slice(0, 3), all.slice(2), [], all]) {
      await registry.set(service, list)
      await registry.eventually(async () => {
        expect(addressesOf(await discovery.getInstances(service))).toEqual(addressesOf(list))
      })
    }
  })

  it('keeps services apart', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const other = registry.nextService()
    const [first, second] = [registry.list(2), registry.list(4).slice(2)]
    await registry.set(service, first)
    await registry.set(other, second)
    await registry.eventually(async () => {
      expect(addressesOf(await discovery.getInstances(service))).toEqual(addressesOf(first))
      expect(addressesOf(await discovery.getInstances(other))).toEqual(addressesOf(second))
    })
  })
}

/** A name under which nothing was ever written. */
export function describeUnknownServices(
  registry: DiscoveryFixture,
  { unknownService = 'empty' }: DiscoveryCapabilities,
): void {
  const { timeout } = registry

  if (unknownService === 'empty') {
    it('gives an empty list for a service that was never written', { timeout }, async () => {
      const { discovery } = await registry.open()
      expect(await discovery.getInstances('contract-unknown')).toEqual([])
    })
  } else {
    it('rejects for a service that was never written', { timeout }, async () => {
      const { discovery } = await registry.open()
      await expect(discovery.getInstances('contract-unknown')).rejects.toThrow()
    })
  }
}
