// An API gateway with Express: two services, a WebSocket echo, `/health`, and a shutdown that loses no request.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { healthEndpoint, type LoadBalancedRequest, loadBalancer, loadReport, proxy } from '@lb/express'
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
  .use('/users', proxy(lb, 'user-service'))
  .use('/orders', proxy(lb, 'order-service', { targetPrefix: '/v1' }))
  .use(echo)
  .get('/instances', (request, response) => {
    response.json(
      request.loadBalancer.inspect().flatMap(({ instances }) => instances.map(({ instance }) => instance.id)),
    )
  })

const server = createServer(app)
const tunnels = new Set<Duplex>()
server.on('upgrade', (request, socket, head) => {
  tunnels.add(socket)
  socket.on('close', () => tunnels.delete(socket))
  echo.upgrade(request, socket, head)
})
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  console.log(`gateway on ${url}: /users/…, /orders/…, ws /echo, /health, /instances; SIGTERM or Ctrl+C drains it`)
})

/** How long others get to notice that `/health` says 503, in milliseconds. As long as their checks take. */
const noticeMs = Number(process.env.DRAIN_MS ?? 1_000)

async function shutDown(): Promise<void> {
  console.log('draining')
  health.drain()
  await new Promise((resolve) => setTimeout(resolve, noticeMs))
  const closed = new Promise((resolve) => server.close(resolve))
  // Requests in flight end by themselves; WebSockets would not.
  for (const socket of tunnels) socket.end()
  await closed
  await lb.close()
  services.close()
  console.log('done')
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void shutDown())
