import { simulate } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import type { BalancerName } from '../src/index.ts'

/** 100 clients with five calls a second each, half load, and a fifth of 50 instances that is overloaded by a fair share. */
async function p99Ms(balancer: BalancerName, seed: number): Promise<number> {
  const report = await simulate({
    clients: 100,
    instances: 50,
    callsPerSecond: 5,
    durationMs: 25_000,
    timeoutMs: 10_000,
    seed,
    instance: { serviceTime: { kind: 'lognormal', medianMs: 200, sigma: 0.18 }, concurrency: 4, queueLimit: 16 },
    loadBalancer: { balancer },
    script: ({ fleet }) => {
      for (const instance of fleet.all.slice(0, 10)) instance.behave({ slowdown: 2.2 })
    },
  })
  return report.p99Ms
}

describe('clients with so few calls that they hardly ever have two in flight', () => {
  it.each(['least-request', 'peak-ewma'] as const)('%s finds out which instances are slow', async (balancer) => {
    expect((await p99Ms(balancer, 1)) / (await p99Ms('round-robin', 1))).toBeLessThan(0.7)
  })

  it('probing asks, and so is far better still', async () => {
    // The service time alone has a p99 of 304 ms on an instance that is not slow.
    expect(await p99Ms('probing', 1)).toBeLessThan(400)
  })
})
