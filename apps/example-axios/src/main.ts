// axios with lb, in one file: two instances of a service on loopback, one of which goes away. Runs with no outside service.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isLoadBalancedError, loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'

async function startInstance(id: string): Promise<{ server: Server; address: string }> {
  const server = createServer((request, response) => response.end(`${request.url} served by ${id}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function stop(server: Server): void {
  server.close()
  server.closeAllConnections()
}

const first = await startInstance('first')
const second = await startInstance('second')

// In production: DNS SRV, Consul, etcd, Nacos or Kubernetes instead of a list.
const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })
const lb = new LoadBalancer({ discovery })
lb.subscribe((event) => {
  if (event.type === 'retry') console.log(`  (attempt ${event.number} on ${event.instance.id} failed, trying another)`)
})

const client = loadBalance(axios.create({ timeout: 2_000 }), lb)
const call = async (): Promise<void> => console.log((await client.get('http://user-service/v1/profile')).data)

console.log('Both instances:')
for (let request = 0; request < 4; request++) await call()

console.log('The first one goes away:')
stop(first.server)
for (let request = 0; request < 4; request++) await call()

console.log('The list is corrected:')
discovery.set('user-service', [second.address])
await call()

console.log('No instance is left:')
stop(second.server)
try {
  await call()
} catch (error) {
  if (!isLoadBalancedError(error)) throw error
  console.log(`${error.code}: ${error.loadBalancer.attempts.length} attempts on ${error.loadBalancer.service}`)
}

await lb.close()
