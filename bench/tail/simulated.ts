import type { BalancerName } from '@lb/core'
import { simulate } from '@lb/testing'
import { concurrency, instanceCount, requestsPerSecond, serviceMs, slowdown, type TailResult } from './load.ts'

export interface SimulatedTailOptions {
  readonly clients: number
  readonly seconds: number
  /** Requests that an instance serves at once. Default as the real ones. */
  readonly atOnce?: number
}

/** The same in virtual time, with one client or many: a client sees only its own requests in flight. */
export async function simulatedTail(
  balancers: readonly BalancerName[],
  { clients, seconds, atOnce = concurrency }: SimulatedTailOptions,
): Promise<TailResult[]> {
  const results: TailResult[] = []
  for (const balancer of balancers) {
    let received = (): number => Number.NaN
    const report = await simulate({
      clients,
      instances: instanceCount,
      durationMs: seconds * 1_000,
      callsPerSecond: requestsPerSecond / clients,
      timeoutMs: 600_000,
      network: { sameZoneMs: 0.2, crossZoneMs: 0.2 },
      instance: { serviceTime: { kind: 'exponential', meanMs: serviceMs }, concurrency: atOnce, queueLimit: 1_000_000 },
      loadBalancer: { balancer, outlierDetection: false, retry: false },
      script: ({ fleet }) => {
        const [slow] = fleet.all
        slow?.behave({ slowdown })
        received = () => slow?.received ?? Number.NaN
      },
    })
    results.push({
      balancer,
      requests: report.calls,
      failures: report.calls - report.succeeded,
      p50Ms: report.p50Ms,
      p99Ms: report.p99Ms,
      p999Ms: report.p999Ms,
      slowShare: received() / report.calls,
    })
  }
  return results
}
