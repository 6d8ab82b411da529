import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GroupedBalancer, LoadBalancer, StaticDiscovery } from '@lb/core'
import { dashboard } from '@lb/dashboard'
import { proxy } from '@lb/express'

/** A gateway in front of two stable instances and a canary. */
export interface Gateway {
  readonly url: string
  readonly dashboardUrl: string
  /** The id of one of the stable instances. */
  readonly stableInstance: string
  readonly close: () => Promise<void>
}

/** Whoever has `token` may steer it. */
export async function startGateway(token: string): Promise<Gateway> {
  const versions = ['stable', 'stable', 'canary']
  const servers = await Promise.all(versions.map(startInstance))
  const instances = servers.map((server, index) => {
    return { host: '127.0.0.1', port: portOf(server), metadata: { version: versions[index] ?? '' } }
  })
  const lb = new LoadBalancer({
    discovery: new StaticDiscovery({ 'user-service': instances }),
    services: {
      'user-service': {
        balancer: () =>
          new GroupedBalancer({
            groupOf: ({ metadata }) => metadata.version,
            shares: { stable: 100, canary: 0 },
          }),
      },
    },
  })
  const users = proxy(lb, 'user-service')
  const operators = dashboard(lb, {
    authorize: (request) => request.header('authorization') === `Bearer ${token}` && { by: 'on-call' },
  })
  const gateway = await listening(createServer((request, response) => users(request, response)))
  // For operators only, on a port of its own.
  const operations = await listening(createServer((request, response) => operators.handle(request, response)))
  return {
    url: `http://127.0.0.1:${portOf(gateway)}/`,
    dashboardUrl: `http://127.0.0.1:${portOf(operations)}`,
    stableInstance: `127.0.0.1:${instances[0]?.port}`,
    close: async () => {
      await lb.close()
      for (const server of [gateway, operations, ...servers]) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}

function startInstance(version: string): Promise<Server> {
  return listening(createServer((_, response) => response.end(version)))
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
