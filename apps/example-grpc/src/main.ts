// gRPC with lb: three servers, one client; one server is killed under load, and a new one is added. Runs with no outside service.
import { strict as assert } from 'node:assert'
import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { registerLoadBalancer } from '@lb/grpc'
import { getUser, startServer, Users } from './users.ts'

const [first, second, third] = await Promise.all(['first', 'second', 'third'].map(startServer))
assert(first && second && third)

// In production: DNS, Consul, etcd, Nacos or Kubernetes instead of a list.
const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address, third.address] })
const lb = new LoadBalancer({ discovery })
registerLoadBalancer(lb, { idempotent: ['/users.v1.Users/GetUser'] })
const client = new Users('lb:user-service', grpc.credentials.createInsecure())

/** Calls so many times, `atOnce` of them beside each other, and says which server responded how often. */
async function call(times: number, atOnce = 1): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let sent = 0; sent < times; sent += atOnce) {
    const users = await Promise.all(Array.from({ length: atOnce }, (_, each) => getUser(client, `${sent + each}`)))
    for (const { servedBy } of users) counts[servedBy] = (counts[servedBy] ?? 0) + 1
  }
  return counts
}

await call(30)
console.log('Three servers:')
const shares = await call(300)
console.log(shares)
assert.deepEqual(shares, { first: 100, second: 100, third: 100 })

console.log('The first one is killed under load; no call fails:')
setTimeout(() => first.server.forceShutdown(), 20)
console.log(await call(2_000, 20))
assert.equal(lb.inspect('user-service').inFlight, 0)

console.log('A fourth one is added:')
const fourth = await startServer('fourth')
discovery.set('user-service', [second.address, third.address, fourth.address])
await call(30)
const after = await call(300)
console.log(after)
assert.deepEqual(after, { second: 100, third: 100, fourth: 100 })

client.close()
await lb.close()
for (const { server } of [second, third, fourth]) server.forceShutdown()
