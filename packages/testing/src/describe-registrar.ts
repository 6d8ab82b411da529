import { afterAll, describe, it } from 'vitest'
import { registrarChecks } from './describe-registrar-checks.ts'
import { checkHarness, type RegistrarCapabilities, type RegistrarHarness } from './describe-registrar-harness.ts'
import { RegistrarRun } from './describe-registrar-run.ts'

/**
 * The contract of a `ServiceRegistrar` (see its doc comments) as a vitest suite, to be run against a real registry:
 *
 *     describeRegistrar('ConsulRegistrar', { create: () => new ConsulRegistrar(), list, read, lose, fail, recover }, {
 *       weights: true,
 *       loss: true,
 *       failure: true,
 *     })
 *
 * Service names are `contract-registrar-1`, `contract-registrar-2`, …; nothing is to be registered under them before. After each test
 * everything is closed, and nothing of it may be left in the registry.
 *
 * @throws TypeError when a capability is declared that the harness has no means for
 */
export function describeRegistrar(
  name: string,
  harness: RegistrarHarness,
  capabilities: RegistrarCapabilities = {},
): void {
  checkHarness(name, harness, capabilities)
  describe(name, () => {
    const registry = new RegistrarRun(harness)
    // No test waits for more than eight changes, and four renewals.
    const timeout = registry.withinMs * 9 + 2 * registry.twoRenewalsMs + 1_000
    afterAll(() => harness.close?.())
    for (const check of registrarChecks(capabilities)) {
      it(check.name, { timeout }, () => runCheck(registry, check.run))
    }
  })
}

/** Runs one part of the contract, and closes what it opened. */
export async function runCheck(registry: RegistrarRun, run: (registry: RegistrarRun) => Promise<void>): Promise<void> {
  try {
    await run(registry)
  } catch (error) {
    // What went wrong first is what counts.
    await registry.end().catch(() => {})
    throw error
  }
  await registry.end()
}
