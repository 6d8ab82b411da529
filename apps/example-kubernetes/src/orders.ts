// One instance of the service orders.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'

const { PORT = '8080', NAME: name = hostname() } = process.env
let isReady = true

const server = createServer((request, response) => {
  if (request.url === '/ready') response.writeHead(isReady ? 200 : 503).end()
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ servedBy: name }))
})
server.listen(Number(PORT))
await once(server, 'listening')
console.log(`orders listens on port ${(server.address() as AddressInfo).port}`)

// Kubernetes tells clients that the pod terminates at the same time as the pod: whoever has not heard it yet still gets answers.
process.once('SIGTERM', () => {
  isReady = false
  setTimeout(() => server.close(), Number(process.env.DRAIN_MS ?? 5_000))
})
