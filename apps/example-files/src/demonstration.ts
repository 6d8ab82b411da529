import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EnvDiscovery, LoadBalancer, type LoadBalancerEvent } from '@lb/core'
import { FileDiscovery } from '@lb/files'
import { ConfigMapVolume } from './config-map-volume.ts'

const service = 'user-service'

/** Changes a ConfigMap, and shows how calls follow; then does without files. */
export async function demonstrate(): Promise<void> {
  const volume = new ConfigMapVolume(`${service}.yaml`)
  const [first, second] = [await startInstance('first'), await startInstance('second')]
  volume.write(`- targets: ['${first.address}']\n`)
  const lb = new LoadBalancer({ discovery: new FileDiscovery({ directory: volume.path }) })

  console.log('One instance in the ConfigMap:')
  await showCalls(lb)

  console.log('A second one appears, with three times the weight:')
  const arrived = next(lb, 'instances-changed')
  volume.write(`- targets: ['${first.address}']\n- targets: ['${second.address}']\n  labels: { weight: 3 }\n`)
  await arrived
  await showCalls(lb)

  console.log('The ConfigMap is broken:')
  const failed = next(lb, 'discovery-failed')
  volume.write('- targets: [')
  console.log(`  ${(await failed).error.message.replace(volume.path, '…')}; the list stays:`)
  await showCalls(lb)
  await lb.close()

  console.log('The same by environment variables:')
  const env = { [`services__${service}__http__0`]: `http://${second.address}` }
  const other = new LoadBalancer({ discovery: new EnvDiscovery({ env }) })
  await showCalls(other)
  await other.close()

  volume.remove()
  for (const { server } of [first, second]) server.close()
}

async function startInstance(id: string): Promise<{ server: Server; address: string }> {
  const server = createServer((_request, response) => response.writeHead(200, { connection: 'close' }).end(id))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Which instances serve twelve calls. */
async function showCalls(lb: LoadBalancer): Promise<void> {
  const counts = new Map<string, number>()
  for (let number = 0; number < 12; number++) {
    const id = await lb.execute(service, async ({ host, port }, { signal }) =>
      (await fetch(`http://${host}:${port}/`, { signal })).text(),
    )
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const served = [...counts].map(([id, count]) => `${id}: ${count} calls`).sort()
  console.log(`  ${served.join(', ')}`)
}

type EventOf<T extends LoadBalancerEvent['type']> = Extract<LoadBalancerEvent, { type: T }>

/** The next event of a type. */
function next<T extends LoadBalancerEvent['type']>(lb: LoadBalancer, type: T): Promise<EventOf<T>> {
  return new Promise((resolve) => {
    const unsubscribe = lb.subscribe((event) => {
      if (event.type !== type) return
      unsubscribe()
      resolve(event as EventOf<T>)
    })
  })
}
