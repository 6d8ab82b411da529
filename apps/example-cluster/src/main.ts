// A gateway on every core: the primary keeps the workers running, each worker serves. Runs with no outside service.
import cluster from 'node:cluster'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { Primary } from './primary.ts'
import { serve } from './worker.ts'

/** Instances of a service; in production they are elsewhere. */
async function startInstance(id: number): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end(`${request.method} ${request.url} served by ${id}\n`))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

// Workers accept connections themselves. By default the primary hands them out, and the connection that it hands to a worker that has
// just died is never answered nor closed.
cluster.schedulingPolicy = cluster.SCHED_NONE

if (cluster.isPrimary) {
  const instances = [await startInstance(1), await startInstance(2)]
  const addresses = instances.map((each) => `127.0.0.1:${(each.address() as AddressInfo).port}`)
  const count = Number(process.env.WORKERS ?? availableParallelism())
  const primary = new Primary(() => cluster.fork({ INSTANCES: addresses.join() }), console.log)
  for (const address of await primary.start(count)) console.log(`gateway on http://${address}; pid ${process.pid}`)
  process.on('SIGHUP', () => void primary.restart())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void primary.stop().then(() => process.exit()))
  }
} else {
  serve(process.env.INSTANCES?.split(',') ?? [], Number(process.env.PORT ?? 8080))
}
