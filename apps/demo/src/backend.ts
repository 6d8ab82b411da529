// One instance of user-service, in a process of its own: backend.ts ID PORT. Tells its parent the port it listens on.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [, , id = 'backend', port = '0'] = process.argv

const server = createServer((request, response) => {
  const known = request.url === '/health' || request.url === '/v1/profile'
  response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
  response.end(JSON.stringify(request.url === '/health' ? { status: 'ok' } : { servedBy: id }))
})

server.listen(Number(port), '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})

// Goes when its parent does, however that ends.
process.on('disconnect', () => process.exit())
