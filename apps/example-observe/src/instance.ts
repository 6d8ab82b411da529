import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An instance of a service. */
export interface Instance {
  readonly address: string
  /** The trace that the last request belonged to. */
  traceparent(): string | undefined
  close(): void
}

/** Starts an instance that responds with `status`. */
export async function startInstance(status: number): Promise<Instance> {
  let trace: string | undefined
  const server = createServer((request, response) => {
    trace = String(request.headers.traceparent).split('-')[1]
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    traceparent: () => trace,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
