import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer } from '@lb/core'
import { DnsSrvDiscovery } from '@lb/dns-srv'
import type { NameServerProcess } from './name-server-process.ts'

export interface RefreshSetup {
  readonly services: number
  readonly instances: number
  readonly ttlSeconds: number
  readonly cached: boolean
}

export interface RefreshCost extends RefreshSetup {
  /** From the first question to the last first list. */
  readonly readyMs: number
  readonly queriesPerMinuteAndService: number
  /** Of one core, in percent, without the server. */
  readonly cpuPercent: number
  /** What all services together keep in the heap. */
  readonly heapMegabytes: number
  readonly residentMegabytes: number
  readonly failures: number
}

/** Follows many services at once, for `seconds` after all first lists are known. */
export async function measureRefreshes(
  server: NameServerProcess,
  setup: RefreshSetup,
  seconds: number,
): Promise<RefreshCost> {
  const { services, instances, ttlSeconds, cached } = setup
  const names = Array.from({ length: services }, (_, index) => `s${index}-${ttlSeconds}-${cached ? 'c' : 'd'}`)
  const ports = Array.from({ length: instances }, (_, index) => 8_000 + index)
  await server.serve(...names.map((name) => ({ name: `_http._tcp.${name}.bench.test`, ttlSeconds, cached, ports })))
  const heapBefore = heapMegabytes()
  const lb = new LoadBalancer({
    discovery: new DnsSrvDiscovery({ name: '_http._tcp.{service}.bench.test.', servers: [server.address] }),
    services: Object.fromEntries(names.map((name) => [name, {}])),
  })
  let failures = 0
  lb.subscribe(({ type }) => {
    if (type === 'discovery-failed') failures++
  })
  const startMs = performance.now()
  await Promise.all(names.map((name) => lb.ready(name)))
  const readyMs = performance.now() - startMs
  const queriesBefore = await server.queries()
  const cpuBefore = process.cpuUsage()
  const measuredFromMs = performance.now()
  await delay(seconds * 1_000)
  const measuredMs = performance.now() - measuredFromMs
  const { user, system } = process.cpuUsage(cpuBefore)
  const queries = (await server.queries()) - queriesBefore
  const cost = {
    ...setup,
    readyMs,
    queriesPerMinuteAndService: (queries / services / measuredMs) * 60_000,
    cpuPercent: (user + system) / 10 / measuredMs,
    heapMegabytes: heapMegabytes() - heapBefore,
    residentMegabytes: process.memoryUsage().rss / 1e6,
    failures,
  }
  await lb.close()
  return cost
}

function heapMegabytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}
