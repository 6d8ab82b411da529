import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { addressesOf, type DiscoveryFixture } from './fixture.ts'

/** A signal ends a query, and is let go. */
export function describeSignals(registry: DiscoveryFixture): void {
  const { timeout } = registry

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

  it('ends a query soon when its signal is aborted, and lets go of the signal', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(1))
    const controller = new AbortController()
    const settled = discovery.getInstances(service, { signal: controller.signal }).then(
      () => 'settled',
      () => 'settled',
    )
    controller.abort(new Error('enough'))
    const late = delay(registry.withinMs, 'still waiting', { ref: false })
    expect(await Promise.race([settled, late])).toBe('settled')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('lets go of a signal after the result', { timeout }, async () => {
    const { discovery, service } = await registry.open()
    await registry.set(service, registry.list(1))
    const { signal } = new AbortController()
    await registry.eventually(async () => {
      expect(addressesOf(await discovery.getInstances(service, { signal }))).toEqual(addressesOf(registry.list(1)))
    })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
}
