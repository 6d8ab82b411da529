import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registration } from '@lb/core'
import type { EtcdRegistrar } from '@lb/etcd'

/** One copy of the service: a server that is registered for as long as it runs. */
export class Instance {
  readonly #registration: Registration
  readonly #server: Server

  /** Serves first, and is registered then. */
  static async start(registrar: EtcdRegistrar, service: string, id: string, weight: number): Promise<Instance> {
    const server = createServer((_request, response) => response.end(id))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      return new Instance(server, await registrar.register(service, { id, host: '127.0.0.1', port, weight }))
    } catch (error) {
      server.close()
      throw error
    }
  }

  private constructor(server: Server, registration: Registration) {
    this.#server = server
    this.#registration = registration
  }

  /** Is taken back first, and ends then. */
  async stop(): Promise<void> {
    await this.#registration.deregister()
    this.#server.close()
    this.#server.closeIdleConnections()
  }
}
