import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer } from '@lb/core'
import { DnsSrvDiscovery } from '@lb/dns-srv'
import type { NameServerProcess } from './name-server-process.ts'

export interface ChangeSetup {
  readonly ttlSeconds: number
  readonly cached: boolean
}

export interface ChangeTimes extends ChangeSetup {
  /** From the change of the record to the first request on the new instance, one for each change. */
  readonly milliseconds: readonly number[]
}

/** A request this often, so that times are exact to this. */
const requestEveryMs = 5

/** Changes the record of a service again and again, at moments that have nothing to do with refreshes. */
export async function measureChanges(
  server: NameServerProcess,
  { ttlSeconds, cached }: ChangeSetup,
  seconds: number,
): Promise<ChangeTimes> {
  const service = `changing-${ttlSeconds}-${cached ? 'cached' : 'direct'}`
  const name = `_http._tcp.${service}.bench.test`
  const instances = [await startInstance(), await startInstance()]
  let current = 0
  const serve = (): Promise<void> => server.serve({ name, ttlSeconds, cached, ports: [instances[current]?.port ?? 0] })
  await serve()
  const lb = new LoadBalancer({
    discovery: new DnsSrvDiscovery({ name: '_http._tcp.{service}.bench.test.', servers: [server.address] }),
  })
  await lb.ready(service)
  const milliseconds: number[] = []
  const endMs = performance.now() + seconds * 1_000
  while (performance.now() < endMs) {
    await delay(1_000 * ttlSeconds * (1 + Math.random()))
    current = 1 - current
    const served = instances[current]?.requests ?? 0
    await serve()
    const changedMs = performance.now()
    while ((instances[current]?.requests ?? 0) === served) {
      await lb.execute(service, async ({ port }) => (await fetch(`http://127.0.0.1:${port}/`)).text())
      await delay(requestEveryMs)
    }
    milliseconds.push(performance.now() - changedMs - requestEveryMs)
  }
  await lb.close()
  for (const { server: http } of instances) {
    http.close()
    http.closeAllConnections()
  }
  return { ttlSeconds, cached, milliseconds }
}

interface Instance {
  readonly server: Server
  readonly port: number
  requests: number
}

async function startInstance(): Promise<Instance> {
  const server = createServer((_request, response) => {
    instance.requests++
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const instance: Instance = { server, port: (server.address() as AddressInfo).port, requests: 0 }
  return instance
}
