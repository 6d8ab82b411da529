// The gateway of the soak, in a process of its own: an exception that nothing catches ends it. It ends by itself after SIGTERM, if it
// holds nothing any more.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { gracefulShutdown, healthEndpoint, type ProxyHandler, proxy, upgrades } from '@lb/express'
import type { FromGateway, GatewayPorts, ToGateway } from './messages.ts'

const services = ['steady', 'dying'] as const
const discovery = new StaticDiscovery({ steady: [], dying: [] })
const lb = new LoadBalancer({ discovery })
const proxies = services.map((service) => proxy(lb, service, { prefix: `/${service}`, tunnelGraceMs: 500 }))
const health = healthEndpoint()

function route(request: IncomingMessage, response: ServerResponse): void {
  const step = (rest: readonly ProxyHandler[]): void => {
    const [first, ...others] = rest
    if (first === undefined) response.writeHead(404).end()
    else first(request, response, () => step(others))
  }
  health(request, response, () => step(proxies))
}

const http = createServer(route)
upgrades(http, proxies)
// The handlers take requests of both forms.
const http2 = createHttp2Server((request, response) =>
  route(request as unknown as IncomingMessage, response as unknown as ServerResponse),
)
gracefulShutdown([http, http2], { health, lb, noticeMs: 0, onClosed: () => process.disconnect?.() })

async function listen(server: typeof http | typeof http2): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function tell(message: FromGateway): void {
  process.send?.(message)
}

async function sample(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await delay(20)
  }
  const sockets = process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length
  const inFlight = services.reduce((sum, service) => sum + lb.inspect(service).inFlight, 0)
  tell({ sample: { heapBytes: process.memoryUsage().heapUsed, sockets, inFlight } })
}

process.on('warning', ({ message }) => tell({ warning: message }))
process.on('message', (message: ToGateway) => {
  if (message === 'sample') void sample()
  else {
    for (const service of services) discovery.set(service, message.lists[service] ?? [])
    tell({ applied: message.version })
  }
})
const ports: GatewayPorts = { http: await listen(http), http2: await listen(http2) }
tell({ ports })
