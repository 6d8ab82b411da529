import { afterEach, beforeEach, describe } from 'vitest'
import { describeGrpcDelivery } from './grpc-client/delivery.ts'
import { describeGrpcEndings } from './grpc-client/endings.ts'
import { describeGrpcFailover } from './grpc-client/failover.ts'
import { GrpcClientFixture } from './grpc-client/fixture.ts'
import type { GrpcClientCapabilities, GrpcClientHarness } from './grpc-client/harness.ts'
import { describeGrpcListChanges } from './grpc-client/list-changes.ts'
import { describeGrpcObservedCalls } from './grpc-client/observed-calls.ts'
import { describeGrpcOptions } from './grpc-client/options.ts'
import { describeGrpcOverload } from './grpc-client/overload.ts'
import { describeGrpcStatuses } from './grpc-client/statuses.ts'

/**
 * What every gRPC client with lb installed must do, on real sockets: the target names a service, calls go to its instances, failures
 * move on when that is safe, and every attempt is reported done exactly once.
 */
export function describeGrpcClient(
  name: string,
  harness: GrpcClientHarness,
  capabilities: GrpcClientCapabilities = {},
): void {
  describe(`${name} as a load balanced gRPC client`, { timeout: 60_000 }, () => {
    const fixture = new GrpcClientFixture(harness)
    beforeEach(() => fixture.start())
    afterEach(() => fixture.stop())

    describeGrpcDelivery(fixture)
    describeGrpcFailover(fixture)
    describeGrpcStatuses(fixture)
    describeGrpcListChanges(fixture, capabilities)
    describeGrpcEndings(fixture)
    describeGrpcObservedCalls(fixture)
    describeGrpcOptions(fixture)
    describeGrpcOverload(fixture)
  })
}
