import { createServer } from 'node:http'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { dashboard } from '@lb/dashboard'
import { gracefulShutdown, healthEndpoint, proxy } from '@lb/express'

/** What the primary sends to a worker that is to drain and end. */
export const stopMessage = 'stop'

/** One worker: a gateway that ends when the primary says so, or is gone. */
export function serve(instances: readonly string[], port: number): void {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': instances }) })
  const users = proxy(lb, 'user-service')
  const health = healthEndpoint()
  // Of the worker that has accepted the connection.
  const { handle } = dashboard(lb, { title: `example-cluster, worker ${process.pid}` })
  const server = createServer((request, response) => {
    const next = request.url?.startsWith('/lb/') ? handle : users
    health(request, response, () => next(request, response))
  })
  // The primary decides: Ctrl+C reaches the workers too.
  const shutDown = gracefulShutdown(server, {
    health,
    lb,
    signals: [],
    noticeMs: Number(process.env.NOTICE_MS ?? 1_000),
  })
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {})
  const end = (): void => void shutDown().then(() => process.exit())
  process.on('message', (message) => {
    if (message === stopMessage) end()
  })
  process.once('disconnect', end)
  server.listen(port, '127.0.0.1')
}
