import { Etcd } from 'test-servers'
import { addressOf, eachOf, type Registry, type RegistryKind } from './registry.ts'

/** One real member. */
export const etcdKind: RegistryKind = { name: 'etcd', programs: Etcd.programs, start }

async function start(): Promise<Registry> {
  const etcd = await Etcd.start()
  const { etcdserver } = (await etcd.get('/version')) as { etcdserver: string }
  return {
    name: `etcd ${etcdserver}`,
    access: { kind: 'etcd', url: etcd.url },
    fill: (services, instances) =>
      eachOf(services, 4, (service, number) => {
        const addresses = Array.from({ length: instances }, (_, index) => `${addressOf(number, index)}:8080`)
        return etcd.post('/v3/kv/txn', { success: addresses.map((address) => ({ requestPut: put(service, address) })) })
      }),
    add: async (service, port) => {
      await etcd.post('/v3/kv/put', put(service, `127.0.0.1:${port}`))
    },
    remove: async (service, port) => {
      await etcd.post('/v3/kv/deleterange', { key: keyOf(service, `127.0.0.1:${port}`) })
    },
    kill: () => etcd.kill(),
    restart: () => etcd.restart(),
    stop: () => etcd.stop(),
  }
}

/** As go-kratos writes it. */
function put(service: string, address: string): object {
  const value = { id: address, name: service, version: '', metadata: {}, endpoints: [`http://${address}`] }
  return { key: keyOf(service, address), value: base64(JSON.stringify(value)) }
}

function keyOf(service: string, id: string): string {
  return base64(`/microservices/${service}/${id}`)
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
