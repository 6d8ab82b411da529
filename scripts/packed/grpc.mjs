// An ES module that calls gRPC services by name, over the packed packages.
import assert from 'node:assert/strict'
import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { grpcProbe, registerLoadBalancer } from '@lb/grpc'

const bytes = (value) => value
const path = '/test.Echo/Say'
const definition = {
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  responseSerialize: bytes,
}
const say = { ...definition, requestDeserialize: bytes, responseDeserialize: bytes }
const servers = await Promise.all(['a', 'b'].map(start))

async function start(name) {
  const server = new grpc.Server()
  server.addService({ say }, { say: (_call, callback) => callback(null, Buffer.from(name)) })
  const credentials = grpc.ServerCredentials.createInsecure()
  const port = await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  return { server, address: `127.0.0.1:${port}` }
}

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: servers.map(({ address }) => address) }) })
registerLoadBalancer(lb, { idempotent: [path] })
const client = new grpc.Client('lb:users', grpc.credentials.createInsecure())
const call = () =>
  new Promise((resolve, reject) =>
    client.makeUnaryRequest(
      path,
      bytes,
      bytes,
      Buffer.from('hi'),
      { deadline: Date.now() + 10_000 },
      (error, response) => (error ? reject(error) : resolve(String(response))),
    ),
  )

const names = new Set()
for (let number = 0; number < 20; number++) names.add(await call())
assert.deepEqual(
  [...names].toSorted((left, right) => left.localeCompare(right)),
  ['a', 'b'],
)
servers[0].server.forceShutdown()
for (let number = 0; number < 20; number++) assert.equal(await call(), 'b')
assert.equal(typeof grpcProbe(), 'function')
await lb.close()
await assert.rejects(call(), { code: 14, details: 'users: the load balancer was closed' })
client.close()
servers[1].server.forceShutdown()
