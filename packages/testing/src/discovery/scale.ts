import type { ServiceInstanceInit } from '@lb/core'
import { expect, it } from 'vitest'
import { addressesOf, type DiscoveryFixture } from './fixture.ts'
import type { DiscoveryScale } from './harness.ts'

const defaults = Object.freeze({ instances: 100, services: 20 })
/** To write so much takes a registry longer than one change. */
const moreTimeMs = 60_000

/** No list is cut off because it is long. */
export function describeManyInstances(
  registry: DiscoveryFixture,
  { instances = defaults.instances }: DiscoveryScale = {},
): void {
  const timeout = registry.timeout + moreTimeMs

  it(`gives ${instances} instances of one service, and a change of one`, { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const list = Array.from({ length: instances }, (_, index) => addressNumber(index, registry.port))
    await registry.set(service, list)
    const gives = (expected: readonly ServiceInstanceInit[]): Promise<void> =>
      registry.eventually(async () => {
        expect(addressesOf(await discovery.getInstances(service))).toEqual(addressesOf(expected))
      })
    await gives(list)
    const changed = [...list.slice(1), addressNumber(instances, registry.port)]
    await registry.set(service, changed)
    await gives(changed)
  })
}

/** One discovery watches many services, and each of them sees its own. */
export function describeManyServices(
  registry: DiscoveryFixture,
  { services = defaults.services }: DiscoveryScale = {},
): void {
  const timeout = registry.timeout + moreTimeMs

  it(`watches ${services} services at once, each of which sees its own changes`, { timeout }, async () => {
    const { discovery } = await registry.open()
    const names = Array.from({ length: services }, () => registry.nextService())
    const listOf = (index: number, count: number): { host: string; port: number }[] =>
      Array.from({ length: count }, (_, number) => addressNumber(8 * index + number, registry.port))
    const setAll = async (count: number): Promise<void> => {
      for (const [index, name] of names.entries()) await registry.set(name, listOf(index, count))
    }
    await setAll(1)
    const watchers = names.map((name) => registry.watch(discovery, name))
    for (const count of [1, 2]) {
      if (count > 1) await setAll(count)
      await registry.eventually(() => {
        for (const [index, watcher] of watchers.entries()) watcher.expectLatest(listOf(index, count))
      })
    }
    expect(watchers.flatMap(({ errors }) => errors)).toEqual([])
  })
}

function addressNumber(number: number, port = 8_000 + (number % 2)): { host: string; port: number } {
  return { host: `10.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`, port }
}
