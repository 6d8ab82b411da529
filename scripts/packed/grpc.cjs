// CommonJS: the packed package is found, and registers itself in the same copy of grpc-js.
const assert = require('node:assert/strict')
const grpc = require('@grpc/grpc-js')
const { LoadBalancer, StaticDiscovery } = require('@lb/core')
const { registerLoadBalancer } = require('@lb/grpc')

const lb = new LoadBalancer({ discovery: new StaticDiscovery({}) })
registerLoadBalancer(lb)
const bytes = (value) => value
const client = new grpc.Client('lb:nobody', grpc.credentials.createInsecure())
client.makeUnaryRequest('/test.Echo/Say', bytes, bytes, Buffer.alloc(0), (error) => {
  assert.equal(error.code, 14)
  assert.match(error.details, /^nobody: no available instance/)
  client.close()
  lb.close()
})
