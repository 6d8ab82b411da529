// One instance of user-service, in a process of its own: deployed-instance.ts REGISTRY URL ID. Tells its parent when it is registered,
// and shuts down on SIGTERM.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gracefulShutdown } from '@lb/express'
import { type RegistryName, registries } from './registries.ts'

const [, , name = '', url = '', id = ''] = process.argv
const { registrar, noticeMs } = registries[name as RegistryName]

const server = createServer((request, response) => {
  request.resume()
  setTimeout(() => response.end(id), 5)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const registration = await registrar(url).register('user-service', { host: '127.0.0.1', port })

gracefulShutdown(server, {
  noticeMs,
  registrations: registration,
  onClosed: () => process.disconnect?.(),
})
process.send?.('registered')
// Ends when its parent does, however that ends.
process.on('disconnect', () => process.exit())
