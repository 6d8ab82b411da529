import { afterEach, beforeEach, describe } from 'vitest'
import { describeCriticality } from './http-client/criticality.ts'
import { describeDelivery } from './http-client/delivery.ts'
import { describeEndings } from './http-client/endings.ts'
import { describeFailover } from './http-client/failover.ts'
import { HttpClientFixture } from './http-client/fixture.ts'
import type { HttpClientCapabilities, HttpClientHarness } from './http-client/harness.ts'
import { describeListChanges } from './http-client/list-changes.ts'
import { describeLoadReports } from './http-client/load-reports.ts'
import { describeObservation } from './http-client/observation.ts'
import { describeRedirects } from './http-client/redirects.ts'
import { describeRepetition } from './http-client/repetition.ts'
import { describeResponses } from './http-client/responses.ts'
import { describeRouting } from './http-client/routing.ts'
import { describeServiceNames } from './http-client/service-names.ts'
import { describeSilentInstances } from './http-client/silent-instances.ts'

/**
 * What every HTTP client with lb installed must do, on real sockets: the service's name becomes an instance, failures
 * move on when that is safe, and every attempt is reported done exactly once.
 *
 *     describeHttpClient('axios', {
 *       create: (lb) => {
 *         const client = loadBalance(axios.create({ validateStatus: () => true, responseType: 'text' }), lb)
 *         return async ({ body, timeoutMs, ...request }) => { ... }
 *       },
 *     })
 */
export function describeHttpClient(
  name: string,
  harness: HttpClientHarness,
  capabilities: HttpClientCapabilities = {},
): void {
  // The limit of a test that hangs: what must end soon has a limit of its own.
  describe(`${name} as a load balanced HTTP client`, { timeout: 60_000 }, () => {
    const client = new HttpClientFixture(harness)
    beforeEach(() => client.start())
    afterEach(() => client.stop())

    describeDelivery(client)
    describeFailover(client)
    describeRepetition(client, capabilities)
    describeResponses(client)
    describeListChanges(client)
    describeEndings(client, capabilities)
    describeSilentInstances(client)
    describeServiceNames(client)
    describeObservation(client)
    describeRouting(client, capabilities)
    describeCriticality(client, capabilities)
    describeLoadReports(client)
    describeRedirects(client, capabilities)
  })
}
