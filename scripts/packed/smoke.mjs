// An ES module that uses the packed packages as an application would.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLoadBalancedError, loadBalance, tcpProbe } from '@lb/axios'
import { ConsulDiscovery, ConsulRegistrar } from '@lb/consul'
import {
  CompositeDiscovery,
  InvalidOptionError,
  LoadBalancer,
  NoAvailableInstanceError,
  StaticDiscovery,
} from '@lb/core'
import { checkLoadBalancer, defineDiscovery, isLoadBalancer } from '@lb/core/authoring'
import { dashboard } from '@lb/dashboard'
import { DnsSrvDiscovery } from '@lb/dns-srv'
import { EtcdDiscovery, EtcdRegistrar } from '@lb/etcd'
import { proxy } from '@lb/express'
import { FileDiscovery } from '@lb/files'
import { KubernetesDiscovery } from '@lb/kubernetes'
import { NacosDiscovery, NacosRegistrar } from '@lb/nacos'
import { instrument } from '@lb/opentelemetry'
import { collectMetrics } from '@lb/prometheus'
import { FileSnapshotStore } from '@lb/snapshot-file'
import { FakeClock, FakeDiscovery } from '@lb/testing'
import { createFetch } from '@lb/undici'
import { InstancePools } from '@lb/undici/authoring'
import axios from 'axios'
import { Registry } from 'prom-client'

const server = createServer((request, response) => response.end(JSON.stringify({ url: request.url })))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const discovery = new StaticDiscovery({ 'user-service': [`127.0.0.1:${server.address().port}`] })
const lb = new LoadBalancer({ discovery })
const client = loadBalance(axios.create(), lb)
const registry = new Registry()
instrument(lb)
collectMetrics(lb, { registry })

assert.equal((await client.get('http://user-service/v1/profile')).data.url, '/v1/profile')
assert.match(await registry.metrics(), /lb_client_call_duration_seconds_count\{.*result="ok"\} 1/)
const failure = await client.get('http://nobody/').catch((error) => error)
assert.ok(isLoadBalancedError(failure) && failure.cause instanceof NoAvailableInstanceError)

// The other copy of the package recognises the errors of this one.
const commonJs = createRequire(import.meta.url)('@lb/core')
assert.notEqual(commonJs.LoadBalancer, LoadBalancer)
assert.ok(failure.cause instanceof commonJs.NoAvailableInstanceError)
assert.ok(!(failure.cause instanceof commonJs.InvalidOptionError))
assert.throws(() => new LoadBalancer({ discovery, balancer: 'round-robbin' }), commonJs.InvalidOptionError)
assert.throws(() => new commonJs.LoadBalancer({}), InvalidOptionError)

// The entries for authors, of this copy and of the other one: a load balancer of either is one for both.
const forAuthors = createRequire(import.meta.url)('@lb/core/authoring')
assert.notEqual(forAuthors.isLoadBalancer, isLoadBalancer)
assert.ok(isLoadBalancer(lb) && forAuthors.isLoadBalancer(lb))
assert.throws(() => checkLoadBalancer('proxy.lb', {}), InvalidOptionError)
assert.throws(() => forAuthors.checkLoadBalancer('proxy.lb', {}), InvalidOptionError)
const defined = defineDiscovery({ service: () => ({ ask: async () => ['127.0.0.1:80'] }) })
assert.equal((await defined.getInstances('users')).length, 1)
await defined.close()
assert.equal(typeof InstancePools, 'function')

// Everything that is off by default, with every balancer, and a checker of the other copy.
const healthCheck = new commonJs.HealthChecker({ probe: tcpProbe() })
for (const balancer of [
  'round-robin',
  'smooth-weighted-round-robin',
  'grouped',
  'random',
  'least-request',
  'peak-ewma',
  'ring-hash',
  'maglev',
]) {
  const options = {
    hedge: {},
    slowStart: {},
    zone: 'a',
    loadReports: {},
    throttle: {},
    maxInFlight: 9,
    subset: { size: 5, clientId: 'me' },
  }
  const full = new LoadBalancer({ discovery, balancer, healthCheck, ...options })
  const { status } = await full.execute('user-service', ({ host, port }) => fetch(`http://${host}:${port}/`), {
    hashKey: 'k',
    idempotent: true,
  })
  assert.equal(status, 200)
  await full.close()
}
healthCheck.close()

assert.throws(() => new DnsSrvDiscovery({ tries: 0 }), commonJs.InvalidOptionError)
new DnsSrvDiscovery({ servers: ['127.0.0.1'] }).close()

// Each registry is down; each says so in an error that both copies recognise, and leaves nothing behind.
const nowhere = 'http://127.0.0.1:1'
const registries = [
  new ConsulDiscovery({ address: nowhere }),
  new EtcdDiscovery({ endpoints: [nowhere] }),
  new NacosDiscovery({ servers: [nowhere] }),
  new KubernetesDiscovery({ server: nowhere, namespace: 'default' }),
  new FileDiscovery({ directory: '/none' }),
]
for (const registry of registries) await assert.rejects(registry.getInstances('users'), commonJs.DiscoveryError)
const directory = mkdtempSync(join(tmpdir(), 'lb-smoke-'))
const composite = new CompositeDiscovery(registries, { snapshots: new FileSnapshotStore({ directory }) })
await assert.rejects(composite.getInstances('users'), commonJs.DiscoveryError)
await composite.close()
rmSync(directory, { recursive: true })
for (const registrar of [
  new ConsulRegistrar({ address: nowhere }),
  new EtcdRegistrar({ endpoints: [nowhere] }),
  new NacosRegistrar({ servers: [nowhere] }),
]) {
  await assert.rejects(registrar.register('users', '127.0.0.1:8080'), commonJs.DiscoveryError)
  await registrar.close()
}

// There is no vitest in this application.
const simulated = new LoadBalancer({ discovery: new FakeDiscovery(['10.0.0.1:80']), clock: new FakeClock() })
await simulated.ready('users')
assert.equal(simulated.pick('users').host, '10.0.0.1')
await simulated.close()

const balancedFetch = createFetch(lb)
assert.deepEqual(await (await balancedFetch('http://user-service/v1/profile')).json(), { url: '/v1/profile' })
await balancedFetch.close()

const { fetch: look } = dashboard(lb, { authorize: () => ({ by: 'smoke' }) })
assert.match(await (await look(new Request('http://localhost/'))).text(), /assets\/page-\w+\.js/)
const looked = await (await look(new Request('http://localhost/api/v1/services/user-service'))).json()
assert.equal(looked.service.candidates, 1)

const gateway = createServer(proxy(lb, 'user-service'))
await new Promise((resolve) => gateway.listen(0, '127.0.0.1', resolve))
const proxied = await fetch(`http://127.0.0.1:${gateway.address().port}/v1/profile`)
assert.deepEqual(await proxied.json(), { url: '/v1/profile' })
gateway.closeAllConnections()
gateway.close()

await lb.close()
server.closeAllConnections()
server.close()
console.log(`ESM on Node ${process.version} with axios ${axios.VERSION}: ok`)
