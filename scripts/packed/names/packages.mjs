// What the packages say of names: in errors, in messages, in inspect() and in events.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { isLoadBalancedError, loadBalance, loadBalancedAdapter } from '@lb/axios'
import { ConsulDiscovery, ConsulRegistrar } from '@lb/consul'
import * as core from '@lb/core'
import { DnsDiscovery, DnsSdDiscovery, DnsSrvDiscovery } from '@lb/dns-srv'
import { EtcdDiscovery, EtcdRegistrar } from '@lb/etcd'
import { ProxyError, proxy } from '@lb/express'
import { FileDiscovery } from '@lb/files'
import { KubernetesDiscovery } from '@lb/kubernetes'
import { NacosDiscovery, NacosRegistrar } from '@lb/nacos'
import { FileSnapshotStore } from '@lb/snapshot-file'
import { createFetch, loadBalanceInterceptor } from '@lb/undici'
import axios from 'axios'
import { Agent, request } from 'undici'
import { failure, print, said } from './said.mjs'

const { LoadBalancer, StaticDiscovery, CompositeDiscovery } = core
const dead = '127.0.0.1:1'
const nowhere = `http://${dead}`

const output = {}

const errors = Object.entries(core).filter(([name]) => /^[A-Z]\w*Error$/.test(name) && name !== 'LoadBalancerError')
output.errors = [...errors, ['ProxyError', ProxyError]].map(([name, type]) => [name, said(new type('m', 'm'))])

const discoveries = {
  static: () => new StaticDiscovery({ users: [] }),
  composite: () => new CompositeDiscovery([new StaticDiscovery({ users: [] })]),
  consul: () => new ConsulDiscovery({ address: nowhere }),
  dnsAddresses: () => new DnsDiscovery({ servers: [dead], port: 80 }),
  dnsSd: () => new DnsSdDiscovery({ servers: [dead] }),
  dnsSrv: () => new DnsSrvDiscovery({ servers: [dead] }),
  etcd: () => new EtcdDiscovery({ endpoints: [nowhere] }),
  kubernetes: () => new KubernetesDiscovery({ server: nowhere, namespace: 'default' }),
  env: () => new core.EnvDiscovery({ env: { services__users__http__0: 'nowhere' } }),
  files: () => new FileDiscovery({ directory: '/none' }),
  nacos: () => new NacosDiscovery({ servers: [nowhere] }),
}
async function saidBy(make) {
  const lb = new LoadBalancer({ discovery: make(), services: { users: { firstListTimeoutMs: 2_000 } } })
  const events = []
  lb.subscribe(({ type, error }) => events.push([type, error === undefined ? undefined : said(error)]))
  const first = await lb.ready('users').then(() => 'ready', said)
  const picked = await failure(() => lb.pick('users'))
  const { discovery, discoveryError } = lb.inspect('users')
  await lb.close()
  return { first, picked, discovery, discoveryError, event: events[0], closed: await failure(() => lb.pick('users')) }
}
output.discoveries = {}
await Promise.all(
  Object.entries(discoveries).map(async ([key, make]) => {
    output.discoveries[key] = undefined
    output.discoveries[key] = await saidBy(make)
  }),
)

output.balancers = {}
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
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [dead] }), balancer })
  await lb.ready('users')
  output.balancers[balancer] = lb.inspect('users').balancer
  await lb.close()
}

const registrars = [
  new ConsulRegistrar({ address: nowhere }),
  new EtcdRegistrar({ endpoints: [nowhere] }),
  new NacosRegistrar({ servers: [nowhere] }),
]
output.registrars = await Promise.all(
  registrars.map((registrar) => failure(() => registrar.register('users', '127.0.0.1:8080'))),
)
await Promise.all(registrars.map((registrar) => registrar.close()))

output.options = []
for (const wrong of [
  () => new LoadBalancer({}),
  () => new LoadBalancer({ discovery: {} }),
  () => new LoadBalancer({ discovery: new StaticDiscovery({}), balancer: () => 3 }).pick('users'),
  () => new StaticDiscovery({ users: ['no port'] }),
  () => new CompositeDiscovery([]),
  () => new ConsulDiscovery({ addres: nowhere }),
  () => new DnsSrvDiscovery({ tries: 0 }),
  () => new EtcdDiscovery({ endpoints: [] }),
  () => new KubernetesDiscovery({ server: 3 }),
  () => new NacosDiscovery({ servers: [] }),
  () => new FileSnapshotStore({}),
  () => loadBalance(axios.create(), {}),
  () => loadBalancedAdapter({}),
  () => createFetch({}),
  () => loadBalanceInterceptor({}),
  () => proxy({}, 'users'),
]) {
  output.options.push(await failure(wrong))
}

const lb = new LoadBalancer({
  discovery: new StaticDiscovery({ users: [dead], empty: [] }),
  retry: { backoffBaseMs: 1, maxRetries: 1 },
  outlierDetection: false,
})
const overAxios = loadBalance(axios.create(), lb)
const overFetch = createFetch(lb)
const agent = new Agent()
const dispatcher = agent.compose(loadBalanceInterceptor(lb))
for (const service of ['users', 'empty']) {
  const url = `http://${service}/`
  const error = await overAxios.get(url).catch((thrown) => thrown)
  assert.ok(isLoadBalancedError(error))
  output[service] = {
    axios: said(error),
    attempts: error.loadBalancer.attempts?.map((attempt) => said(attempt.error)),
    fetch: await failure(() => overFetch(url)),
    undici: await failure(() => request(url, { dispatcher })),
  }
  const onError = (thrown, _request, response) => {
    output[service].proxy = said(thrown)
    response.writeHead(thrown.status).end(thrown.message)
  }
  const gateway = createServer(proxy(lb, service, { onError }))
  await new Promise((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  const response = await fetch(`http://127.0.0.1:${gateway.address().port}/`)
  output[service].gateway = [response.status, await response.text()]
  gateway.closeAllConnections()
  gateway.close()
}
await overFetch.close()
await agent.close()
await lb.close()

print(output)
