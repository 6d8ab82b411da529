import { parseInstance, type ServiceInstance } from '@lb/core'
import { expect, it } from 'vitest'
import { addressOf, type DiscoveryFixture } from './fixture.ts'
import type { DiscoveryCapabilities } from './harness.ts'

/** Instances have the fields that the registry can carry. */
export function describeFields(registry: DiscoveryFixture, capabilities: DiscoveryCapabilities): void {
  const { timeout } = registry
  const carries = (field: 'weight' | 'priority' | 'metadata' | 'secure', values: Partial<ServiceInstance>[]): void => {
    it(`carries ${field}`, { timeout }, async () => {
      const { discovery, service } = await registry.open()
      const list = registry.list(values.length).map((init, index) => ({ ...init, ...values[index] }))
      await registry.set(service, list)
      const expected = list.map((init) => [addressOf(parseInstance(init)), parseInstance(init)[field]])
      await registry.eventually(async () => {
        const instances = (await discovery.getInstances(service)).map(parseInstance)
        const given = instances.map((instance) => [addressOf(instance), instance[field]])
        // A registry may add labels of its own to the metadata.
        expect(plain(given).sort(byAddress)).toMatchObject(plain(expected).sort(byAddress))
      })
    })
  }
  if (capabilities.weights === true) carries('weight', [{ weight: 5 }, { weight: 1 }, { weight: 3 }])
  if (capabilities.priority === true) carries('priority', [{ priority: 0 }, { priority: 2 }, { priority: 1 }])
  if (capabilities.secure === true) carries('secure', [{ secure: true }, { secure: false }])
  if (capabilities.metadata === true) {
    carries('metadata', [{ metadata: { version: '1.2', region: 'eu' } }, { metadata: { version: '1.3' } }])
  }
}

type Entry = readonly [address: string, value: unknown]

function plain(entries: readonly (readonly unknown[])[]): Entry[] {
  return JSON.parse(JSON.stringify(entries)) as Entry[]
}

function byAddress([left]: Entry, [right]: Entry): number {
  return left < right ? -1 : 1
}
