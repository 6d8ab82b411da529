import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { describeClosedWatches, describeClosing, describeLastWords } from './discovery/closing.ts'
import { describeFailures } from './discovery/failures.ts'
import { describeFields } from './discovery/fields.ts'
import { DiscoveryFixture } from './discovery/fixture.ts'
import type { DiscoveryCapabilities, DiscoveryHarness } from './discovery/harness.ts'
import { describeLists, describeUnknownServices } from './discovery/lists.ts'
import { describeMalformed } from './discovery/malformed.ts'
import { describeOutages } from './discovery/outages.ts'
import { describeProcessLife } from './discovery/process-life.ts'
import { describeManyInstances, describeManyServices } from './discovery/scale.ts'
import { describeSignals } from './discovery/signals.ts'
import { describeWatching } from './discovery/watching.ts'

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
    const registry = new DiscoveryFixture(harness)
    afterEach(() => registry.reset())
    afterAll(() => harness.close?.())
    describeLists(registry)
    describeUnknownServices(registry, capabilities)
    describeFields(registry, capabilities)
    describeSignals(registry)
    describeClosing(registry)
    describeManyInstances(registry, capabilities.scale)
    if (push) describePushing(registry, harness, capabilities)
    else {
      it('has no watch', async () => {
        const { discovery } = await registry.open()
        expect(discovery).not.toHaveProperty('watch')
      })
    }
    if (failure) describeFailures(registry, push)
    if (failure) describeOutages(registry, { away: registry.outage, ...harness.outages })
  })
}

function describePushing(
  registry: DiscoveryFixture,
  harness: DiscoveryHarness,
  capabilities: DiscoveryCapabilities,
): void {
  describeWatching(registry)
  describeClosedWatches(registry)
  describeLastWords(registry)
  describeManyServices(registry, capabilities.scale)
  if (harness.malform !== undefined) describeMalformed(registry)
  if (capabilities.otherProcess === true) describeProcessLife(registry)
}
