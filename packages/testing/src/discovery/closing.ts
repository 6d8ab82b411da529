import { expect, it } from 'vitest'
import type { DiscoveryFixture } from './fixture.ts'

/** Nothing comes after the end of a subscription, or of the discovery, but the word that it is closed. */
export function describeClosing(registry: DiscoveryFixture): void {
  const { timeout } = registry

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

/** The same of watches. */
export function describeClosedWatches(registry: DiscoveryFixture): void {
  const { timeout } = registry

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

  it('does not call a watcher that another one closed during a change', { timeout }, async () => {
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
}

/** The same of watches when the discovery itself is closed. */
export function describeLastWords(registry: DiscoveryFixture): void {
  const { timeout } = registry

  it('emits an error with LB_CLOSED to each watcher, and nothing else, when it is closed', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    // One that holds nothing has no end.
    if (discovery.close === undefined) return
    const [list, other] = [registry.list(1), registry.nextService()]
    const living = registry.watch((await registry.open()).discovery, service)
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
    const late = registry.watch(discovery, service)
    expect([late.lists, late.errors]).toMatchObject([[], [{ code: 'LB_CLOSED', service }]])
    // Two changes: whatever the first one had under way has arrived when another discovery has seen the second one.
    for (const changed of [registry.list(2), list]) {
      await registry.set(service, changed)
      await registry.eventually(() => living.expectLatest(changed))
    }
    expect([open?.calls, waiting?.calls, late.calls, left?.calls]).toEqual([...calls, 1, before])
  })
}
