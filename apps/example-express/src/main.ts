// An API gateway with Express: two services, a WebSocket echo, `/health`, a dashboard, and a shutdown that loses no request.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { dashboard } from '@lb/dashboard'
import {
  gracefulShutdown,
  healthEndpoint,
  type LoadBalancedRequest,
  loadBalancer,
  loadReport,
  proxy,
  upgrades,
} from '@lb/express'
import express from 'express'
import { startServices } from './services.ts'

declare global {
  namespace Express {
    interface Request extends LoadBalancedRequest {}
  }
}

// In production: DNS SRV, Consul, etcd, Nacos or Kubernetes instead of a list.
const services = await startServices()
const lb = new LoadBalancer({ discovery: new StaticDiscovery(services.addresses) })

const health = healthEndpoint()
const echo = proxy(lb, 'echo-service', { prefix: '/echo' })
const app = express()
  .disable('x-powered-by')
  .use(health, loadReport(), loadBalancer(lb))
  .use('/lb', dashboard(lb, { title: 'example-express' }).handle)
  .use('/users', proxy(lb, 'user-service'))
  .use('/orders', proxy(lb, 'order-service', { targetPrefix: '/v1' }))
  .use(echo)
  .get('/instances', (request, response) => {
    response.json(
      request.loadBalancer.inspect().flatMap(({ instances }) => instances.map(({ instance }) => instance.id)),
    )
  })

const server = createServer(app)
upgrades(server, [echo])
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  console.log(
    `gateway on ${url}: /users/…, /orders/…, ws /echo, /health, /instances, the dashboard /lb/; SIGTERM or Ctrl+C drains it`,
  )
})

gracefulShutdown(server, {
  health,
  lb,
  // As long as the health checks of others take. In production, leave the default.
  noticeMs: Number(process.env.DRAIN_MS ?? 1_000),
  onClosed: () => {
    services.close()
    console.log('done')
  },
})
