/** A process that does nothing but follow services with a load balancer, so that it can be measured. */
import { LoadBalancer } from '@lb/core'
import { openDiscovery } from './open-discovery.ts'
import { answerQuestions } from './program.ts'
import type { RegistryAccess } from './registry.ts'

export interface FollowerQuestions {
  /** Resolves when all first lists are known. */
  follow(what: {
    readonly access: RegistryAccess
    readonly services: readonly string[]
  }): Promise<{ readonly readyMs: number; readonly instances: number }>
  /** Since the start. */
  cpu(_: null): Promise<{ readonly cpuMs: number; readonly elapsedMs: number }>
  memory(_: null): Promise<Memory>
}

export interface Memory {
  /** What the load balancer keeps. */
  readonly heapMegabytes: number
  readonly residentMegabytes: number
  /** How often the discovery failed since the start. */
  readonly failures: number
}

let heapBefore = 0
let failures = 0

answerQuestions<FollowerQuestions>({
  follow: async ({ access, services }) => {
    heapBefore = heapMegabytes()
    const lb = new LoadBalancer({
      discovery: openDiscovery(access),
      firstListTimeoutMs: 60_000,
      services: Object.fromEntries(services.map((service) => [service, {}])),
    })
    lb.subscribe(({ type }) => {
      if (type === 'discovery-failed') failures++
    })
    const startedMs = performance.now()
    await Promise.all(services.map((service) => lb.ready(service)))
    const readyMs = performance.now() - startedMs
    return { readyMs, instances: lb.inspect().reduce((sum, { instances }) => sum + instances.length, 0) }
  },
  cpu: async () => {
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1_000, elapsedMs: performance.now() }
  },
  memory: async () => ({
    heapMegabytes: heapMegabytes() - heapBefore,
    residentMegabytes: process.memoryUsage().rss / 1e6,
    failures,
  }),
})

function heapMegabytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}
