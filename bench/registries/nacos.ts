import { FakeNacosProcess } from 'test-servers'
import { addressOf, eachOf, type Registry, type RegistryKind } from './registry.ts'

/** A fake: no real server can be had. */
export const nacosKind: RegistryKind = { name: 'Nacos', programs: [], start }

async function start(): Promise<Registry> {
  const nacos = await FakeNacosProcess.start({ version: '3.2' })
  return {
    name: 'Nacos 3.2, a fake',
    access: { kind: 'nacos', url: nacos.url },
    fill: (services, instances) =>
      eachOf(services, 16, async (service, number) => {
        for (let index = 0; index < instances; index++) {
          await nacos.register(service, { ip: addressOf(number, index), port: 8080 })
        }
      }),
    add: (service, port) => nacos.register(service, { ip: '127.0.0.1', port }),
    remove: (service, port) => nacos.deregister(service, { ip: '127.0.0.1', port }),
    kill: () => nacos.kill(),
    restart: () => nacos.restart(),
    stop: () => nacos.kill(),
  }
}
