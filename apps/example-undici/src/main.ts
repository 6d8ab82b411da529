// undici with lb, in one file: three instances of a service on loopback, one of which is killed. Runs with no outside service.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch, loadBalanceInterceptor } from '@lb/undici'
import { Agent } from 'undici'

async function startInstance(id: string): Promise<{ server: Server; address: string }> {
  const server = createServer((request, response) => response.end(`${request.url} served by ${id}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function kill(server: Server): void {
  server.close()
  server.closeAllConnections()
}

const instances = [await startInstance('first'), await startInstance('second'), await startInstance('third')]

// In production: DNS SRV, Consul, etcd, Nacos or Kubernetes instead of a list.
const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })
const lb = new LoadBalancer({ discovery })
lb.subscribe((event) => {
  if (event.type === 'retry') console.log(`  (attempt ${event.number} on ${event.instance.id} failed, trying another)`)
})

console.log('With fetch:')
const fetch = createFetch(lb)
for (let request = 0; request < 3; request++) {
  const response = await fetch('http://user-service/v1/profile')
  console.log(`${response.url}: ${await response.text()}`)
}

console.log('With a dispatcher of undici:')
const dispatcher = new Agent().compose(loadBalanceInterceptor(lb))
const get = async (): Promise<string> => {
  const { body } = await dispatcher.request({ origin: 'http://user-service', path: '/v1/profile', method: 'GET' })
  return body.text()
}
for (let request = 0; request < 3; request++) console.log(await get())

console.log('The first one is killed, under load:')
const answers = await Promise.allSettled(
  Array.from({ length: 100 }, (_, number) => {
    if (number === 50) for (const { server } of instances.slice(0, 1)) kill(server)
    return get()
  }),
)
const failed = answers.filter(({ status }) => status === 'rejected')
console.log(`${answers.length} requests, ${failed.length} failed`)

console.log('No instance is left:')
for (const { server } of instances) kill(server)
try {
  await fetch('http://user-service/v1/profile')
} catch (error) {
  const { message, cause } = error as Error & { cause: { code: string } }
  console.log(`${message}: ${cause.code}`)
}

await lb.close()
await Promise.all([fetch.close(), dispatcher.close()])
