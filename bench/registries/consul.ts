import { Consul } from 'test-servers'
import { addressOf, eachOf, type Registry, type RegistryKind } from './registry.ts'

/** The most that a transaction takes. */
const operationsAtOnce = 64

/** A real server that keeps its catalogue on disk. */
export const consulKind: RegistryKind = { name: 'Consul', programs: Consul.programs, start }

async function start(): Promise<Registry> {
  const consul = await Consul.start({ persistent: true })
  const self = (await consul.request('GET', '/v1/agent/self')) as { Config: { Version: string } }
  return {
    name: `Consul ${self.Config.Version}`,
    access: { kind: 'consul', url: consul.url },
    fill: (services, instances) => fill(consul, services, instances),
    add: (service, port) =>
      consul.register({ ID: `${service}-${port}`, Name: service, Address: '127.0.0.1', Port: port }),
    remove: (service, port) => consul.deregister(`${service}-${port}`),
    kill: () => consul.kill(),
    restart: () => consul.restart(),
    stop: () => consul.stop(),
  }
}

/** Into the catalogue, as another agent: one agent would not have so many. */
async function fill(consul: Consul, services: readonly string[], instances: number): Promise<void> {
  const node = 'filled'
  await consul.request('PUT', '/v1/catalog/register', { Node: node, Address: '10.9.9.9' })
  const operations = services.flatMap((name, number) =>
    Array.from({ length: instances }, (_, index) => ({
      Service: {
        Verb: 'set',
        Node: node,
        Service: { ID: `${name}-${index}`, Service: name, Address: addressOf(number, index), Port: 8080 },
      },
    })),
  )
  const transactions = Array.from({ length: Math.ceil(operations.length / operationsAtOnce) }, (_, turn) =>
    operations.slice(turn * operationsAtOnce, (turn + 1) * operationsAtOnce),
  )
  await eachOf(transactions, 4, (transaction) => consul.request('PUT', '/v1/txn', transaction))
}
