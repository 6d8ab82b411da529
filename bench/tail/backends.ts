// The ten instances, in a process of their own: tells its parent their ports, the slow one first.
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { concurrency, instanceCount, serviceMs, slowdown } from './load.ts'

/** Serves `concurrency` requests at a time; the others wait for their turn. */
function backend(meanMs: number): Server {
  const waiting: ServerResponse[] = []
  let busy = 0
  const serve = (response: ServerResponse): void => {
    busy++
    // Exponential, as service times without memory are.
    const tookMs = -Math.log(1 - Math.random()) * meanMs
    setTimeout(() => {
      busy--
      response.end('ok')
      const next = waiting.shift()
      if (next !== undefined) serve(next)
    }, tookMs)
  }
  return createServer((_request, response) => {
    if (busy < concurrency) serve(response)
    else waiting.push(response)
  })
}

const servers = Array.from({ length: instanceCount }, (_, index) =>
  backend(index === 0 ? serviceMs * slowdown : serviceMs),
)
const ports = await Promise.all(
  servers.map(
    (server) =>
      new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
      }),
  ),
)
process.send?.(ports)
process.on('disconnect', () => process.exit())
