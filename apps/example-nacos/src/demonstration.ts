import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { loadBalance } from '@lb/axios'
import { LoadBalancer } from '@lb/core'
import { NacosDiscovery, NacosRegistrar } from '@lb/nacos'
import axios, { type AxiosInstance } from 'axios'
import { FakeNacosProcess } from '../../../test-servers/src/fake-nacos-process.ts'

const service = 'user-service'
/** Nacos asks for a beat every five seconds; a demonstration is in a hurry. */
const metadata = { 'preserved.heart.beat.interval': '500' }

/** Registers, calls, and takes the registry away. */
export async function demonstrate(): Promise<void> {
  const nacos = await FakeNacosProcess.start({ version: '3.2' })
  const servers = [nacos.url]
  const registrar = new NacosRegistrar({ servers })
  const discovery = new NacosDiscovery({ servers, pollIntervalMs: 500 })
  // A server that starts anew knows nobody until the next beats.
  const lb = new LoadBalancer({ discovery, emptyGraceMs: 15_000 })
  const client = loadBalance(axios.create(), lb)
  const [first, second] = [await startInstance('first'), await startInstance('second')]

  console.log('One instance registers:')
  const registration = await registrar.register(service, { host: '127.0.0.1', port: first.port, metadata })
  await showCalls(client)

  console.log('A second one registers, with three times the weight:')
  await registrar.register(service, { host: '127.0.0.1', port: second.port, weight: 3, metadata })
  await knows(lb, 2)
  await showCalls(client)

  console.log('Nacos is killed:')
  await nacos.kill()
  await becomes(lb, 'stale')
  console.log('  the list stays:')
  await showCalls(client)

  console.log('Nacos is started again, and the instances register by themselves:')
  await nacos.restart()
  while ((await discovery.getInstances(service)).length < 2) await delay(50)
  await becomes(lb, 'fresh')
  await knows(lb, 2)
  await showCalls(client)

  console.log('The first instance deregisters:')
  await registration.deregister()
  await knows(lb, 1)
  await showCalls(client)

  await Promise.all([lb.close(), registrar.close()])
  await nacos.kill()
  for (const { server } of [first, second]) server.close()
}

async function startInstance(id: string): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => response.writeHead(200, { connection: 'close' }).end(id))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** Which instances serve twelve calls. */
async function showCalls(client: AxiosInstance): Promise<void> {
  const counts = new Map<string, number>()
  for (let number = 0; number < 12; number++) {
    const { data: id } = await client.get<string>(`http://${service}/`)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const served = [...counts].map(([id, count]) => `${id}: ${count} calls`).sort()
  console.log(`  ${served.join(', ')}`)
}

/** Waits until the load balancer knows that many instances. */
async function knows(lb: LoadBalancer, count: number): Promise<void> {
  while (lb.inspect(service).instances.length !== count) await delay(50)
}

/** Waits until the registry answers, or until it does not. */
async function becomes(lb: LoadBalancer, status: 'fresh' | 'stale'): Promise<void> {
  while (lb.inspect(service).status !== status) await delay(50)
}
