import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, type LoadBalancerEvent } from '@lb/core'
import { DnsSrvDiscovery } from '@lb/dns-srv'
import { ZoneServer } from './zone-server.ts'

const service = 'user-service'
const name = '_http._tcp.user-service.example.test'

/** Changes a zone of its own, and shows how calls follow. */
export async function demonstrate(): Promise<void> {
  const zone = await ZoneServer.start()
  const [first, second] = [await startInstance('first'), await startInstance('second')]
  zone.set(name, [{ port: first.port }])

  const lb = new LoadBalancer({
    discovery: new DnsSrvDiscovery({
      name: '_http._tcp.{service}.example.test.',
      servers: [zone.address],
      timeoutMs: 200,
      tries: 1,
    }),
  })
  const call = (): Promise<string> =>
    lb.execute(service, async ({ host, port }, { signal }) =>
      (await fetch(`http://${host}:${port}/`, { signal })).text(),
    )

  console.log('One instance:')
  await showCalls(call)

  console.log('A second record appears, with three times the weight:')
  const arrived = told(lb, 'instances-changed')
  zone.set(name, [{ port: first.port }, { port: second.port, weight: 3 }])
  await arrived
  await showCalls(call)

  console.log('The first one becomes the reserve (priority 1):')
  const demoted = told(lb, 'instances-changed')
  zone.set(name, [{ port: first.port, priority: 1 }, { port: second.port }])
  await demoted
  await showCalls(call)

  console.log('The DNS server falls silent:')
  const failed = told(lb, 'discovery-failed')
  zone.silent = true
  console.log(`  ${(await failed).error.message}; the list stays:`)
  await showCalls(call)

  console.log('It is back, and says that the service is not available (target "."):')
  const emptied = told(lb, 'instances-changed')
  zone.silent = false
  zone.set(name, [])
  await emptied
  await call().catch((error: Error) => console.log(`  ${error.message}`))

  await lb.close()
  zone.close()
  for (const { server } of [first, second]) server.close()
}

async function startInstance(id: string): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => response.writeHead(200, { connection: 'close' }).end(id))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** Which instances serve twelve calls. */
async function showCalls(call: () => Promise<string>): Promise<void> {
  const counts = new Map<string, number>()
  for (let number = 0; number < 12; number++) {
    const id = await call()
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const served = [...counts].map(([id, count]) => `${id}: ${count} calls`).sort()
  console.log(`  ${served.join(', ')}`)
}

type EventOf<T extends LoadBalancerEvent['type']> = Extract<LoadBalancerEvent, { type: T }>

/** The next event of a type. */
function told<T extends LoadBalancerEvent['type']>(lb: LoadBalancer, type: T): Promise<EventOf<T>> {
  return new Promise((resolve) => {
    const unsubscribe = lb.subscribe((event) => {
      if (event.type !== type) return
      unsubscribe()
      resolve(event as EventOf<T>)
    })
  })
}
