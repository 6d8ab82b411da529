import { setTimeout as delay } from 'node:timers/promises'
import { parseInstance, type ServiceInstance } from '@lb/core'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { addressesOf, addressOf, ContractRegistry } from './contract-registry.ts'
import { describeMalformed, describeProcess } from './describe-discovery-entries.ts'
import type { DiscoveryCapabilities, DiscoveryHarness } from './discovery-harness.ts'

/**
 * The contract of a `ServiceDiscovery` (see its doc comments) as a vitest suite, to be run against a real registry:
 *
 *     describeDiscovery('ConsulDiscovery', { create: () => new ConsulDiscovery(), set, fail, recover }, { weights: true, failure: true })
 *
 * Service names are `contract-1`, `contract-2`, …; whatever an earlier run left under them does no harm.
 */
export function describeDiscovery(
  name: string,
  harness: DiscoveryHarness,
  capabilities: DiscoveryCapabilities = {},
): void {
  const { push = true, failure = false } = capabilities
  if (failure && (harness.fail === undefined || harness.recover === undefined)) {
    throw new TypeError(`${name}: the capability failure needs fail and recover in the harness`)
  }
  describe(name, () => {
    const registry = new ContractRegistry(harness)
    afterEach(() => registry.reset())
    afterAll(() => harness.close?.())
    describeLists(registry, capabilities)
    describeFields(registry, capabilities)
    if (push) describeWatch(registry)
    else {
      it('has no watch', async () => {
        const { discovery } = await registry.open()
        expect(discovery).not.toHaveProperty('watch')
      })
    }
    if (harness.malform !== undefined) describeMalformed(registry)
    if (capabilities.otherProcess === true) describeProcess(registry)
    if (failure) describeFailure(registry, push)
  })
}

function describeLists(registry: ContractRegistry, { unknownService = 'empty' }: DiscoveryCapabilities): void {
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

  it('does not hang on a signal that is already aborted', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(1))
    const answered = discovery.getInstances(service, { signal: AbortSignal.abort() }).then(
      () => 'settled',
      () => 'settled',
    )
    const late = delay(registry.withinMs, 'still waiting', { ref: false })
    expect(await Promise.race([answered, late])).toBe('settled')
  })

  it('rejects with LB_CLOSED after it was closed, what is under way included', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    // One that holds nothing has no end.
    if (discovery.close === undefined) return
    await registry.set(service, registry.list(1))
    const asked = discovery.getInstances(service).then(
      () => 'answered before',
      (error: unknown) => (error as { code?: unknown }).code,
    )
    await discovery.close()
    expect(await asked).toBeOneOf(['LB_CLOSED', 'answered before'])
    await expect(discovery.getInstances(service)).rejects.toMatchObject({ code: 'LB_CLOSED', service })
    await discovery.close()
  })
}

function describeFields(registry: ContractRegistry, capabilities: DiscoveryCapabilities): void {
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

function describeWatch(registry: ContractRegistry): void {
  const { timeout } = registry

  it('tells a watcher the full list soon, and again on every change', { timeout }, async () => {
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

  it('does not call a watcher after it was closed, however often that is done', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    const [before, after] = [registry.list(1), registry.list(3)]
    await registry.set(service, before)
    const closed = registry.watch(discovery, service)
    const living = registry.watch(discovery, service)
    await registry.eventually(() => {
      closed.expectLatest(before)
      living.expectLatest(before)
    })
    closed.close()
    closed.close()
    const callsWhenClosed = closed.calls
    // Two changes: whatever the first one had under way has arrived when the second one is seen.
    for (const list of [after, before]) {
      await registry.set(service, list)
      await registry.eventually(() => living.expectLatest(list))
    }
    expect(closed.calls).toBe(callsWhenClosed)
  })

  it('does not call a watcher that another one closed while it was told a change', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(1))
    const fence = registry.watch(discovery, service)
    const left = registry.watch(discovery, service)
    const right = registry.watch(discovery, service)
    await registry.eventually(() => {
      for (const watcher of [fence, left, right]) watcher.expectLatest(registry.list(1))
    })
    const before = left.calls + right.calls
    left.onNext = () => right.close()
    right.onNext = () => left.close()
    await registry.set(service, registry.list(2))
    await registry.eventually(() => {
      fence.expectLatest(registry.list(2))
      expect(left.calls + right.calls).toBeGreaterThan(before)
    })
    const closed = [left, right].filter((watcher) => watcher.closed)
    expect(closed).toHaveLength(1)
    expect(closed[0]?.calls).toBe(closed[0]?.callsWhenClosed)
  })

  it('has an error with LB_CLOSED as its last word to each watcher when it is closed', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    // One that holds nothing has no end.
    if (discovery.close === undefined) return
    const [list, other] = [registry.list(1), registry.nextService()]
    await registry.set(service, list)
    const [left, open, waiting] = [service, service, other].map((name) => registry.watch(discovery, name))
    await registry.eventually(() => {
      left?.expectLatest(list)
      open?.expectLatest(list)
    })
    left?.close()
    const before = left?.calls
    await discovery.close()
    await discovery.close()
    expect(open?.errors.at(-1)).toMatchObject({ code: 'LB_CLOSED', service })
    expect(waiting?.errors.at(-1)).toMatchObject({ code: 'LB_CLOSED', service: other })
    const calls = [open?.calls, waiting?.calls]
    await registry.set(service, registry.list(2))
    const late = registry.watch(discovery, service)
    expect([late.lists, late.errors]).toMatchObject([[], [{ code: 'LB_CLOSED', service }]])
    await delay(50)
    expect([open?.calls, waiting?.calls, late.calls, left?.calls]).toEqual([...calls, 1, before])
  })

  it('tells a watcher nothing of other services', { timeout }, async () => {
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

function describeFailure(registry: ContractRegistry, push: boolean): void {
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

  it('tells a watcher of the failure, never an empty list, and goes on by itself', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(2))
    const watcher = registry.watch(discovery, service)
    await registry.eventually(() => watcher.expectLatest(registry.list(2)))
    await registry.fail()
    await registry.eventually(() => expect(watcher.errors.length).toBeGreaterThan(0))
    await registry.recover()
    await registry.set(service, registry.list(3))
    await registry.eventually(() => watcher.expectLatest(registry.list(3)))
    for (const seen of watcher.lists) expect(seen.length).toBeGreaterThan(0)
  })

  it('begins to tell a watcher that came while the registry could not be reached', { timeout }, async () => {
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

type Entry = readonly [address: string, value: unknown]

function plain(entries: readonly (readonly unknown[])[]): Entry[] {
  return JSON.parse(JSON.stringify(entries)) as Entry[]
}

function byAddress([left]: Entry, [right]: Entry): number {
  return left < right ? -1 : 1
}
