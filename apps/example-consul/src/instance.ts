import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ConsulRegistrar, ConsulRegistration } from '@lb/consul'

/** One copy of the service: a server that is registered for as long as it runs. */
export class Instance {
  readonly registration: ConsulRegistration
  readonly #server: Server

  /** Serves first, and is registered then. */
  static async start(registrar: ConsulRegistrar, service: string, id: string, weight: number): Promise<Instance> {
    const server = createServer((_request, response) => response.end(id))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      return new Instance(server, await registrar.register(service, { id, host: '127.0.0.1', port, weight }))
    } catch (cause) {
      server.close()
      throw cause
    }
  }

  private constructor(server: Server, registration: ConsulRegistration) {
    this.#server = server
    this.registration = registration
  }

  /** Is taken back first, and ends then. */
  async stop(): Promise<void> {
    await this.registration.deregister()
    this.#server.close()
    this.#server.closeIdleConnections()
  }
}
