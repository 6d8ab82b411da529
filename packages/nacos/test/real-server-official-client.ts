import { parseInstance, type ServiceInstance } from '@lb/core'
import { NacosNamingClient } from 'nacos'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'
import type { OnServer } from './real-server.ts'

type OfficialClient = InstanceType<typeof NacosNamingClient> & { close(): Promise<void> }
type Hosts = readonly { ip: string; port: number; weight: number; metadata: unknown }[]

const silent = Object.fromEntries(['debug', 'info', 'log', 'warn', 'error'].map((level) => [level, () => {}]))
const instance = { ip: '10.0.0.1', port: 8080, weight: 3, metadata: { version: '2' } } as never

/** The client of Nacos for Node and lb, each with the instances of the other. */
export const describeOfficialClient: OnServer = (server) => {
  describe('the official client', () => {
    const closing: { close(): unknown }[] = []
    afterEach(async () => {
      await Promise.all(closing.splice(0).map((each) => each.close()))
    })
    const official = async (): Promise<OfficialClient> => {
      const logger = silent as unknown as Console
      const client = new NacosNamingClient({ logger, serverList: server().url.slice('http://'.length) })
      await client.ready()
      closing.push(client as OfficialClient)
      return client as OfficialClient
    }

    it('sees what NacosRegistrar registered, and is seen by NacosDiscovery', async () => {
      const client = await official()
      const registrar = new NacosRegistrar({ servers: [server().url] })
      const discovery = new NacosDiscovery({ servers: [server().url] })
      closing.push(registrar, discovery)
      const metadata = { version: '2', owner: 'payments' }
      const registration = await registrar.register('shared', { host: '10.0.0.2', port: 9090, weight: 2, metadata })
      await vi.waitFor(async () => {
        expect(await client.getAllInstances('shared', 'DEFAULT_GROUP', '', false)).toMatchObject([
          { ip: '10.0.0.2', port: 9090, weight: 2, metadata },
        ])
      })
      await client.registerInstance('shared', instance)
      await vi.waitFor(async () => {
        const seen = (await discovery.getInstances('shared')).map(parseInstance)
        expect(seen.map(summary).sort()).toEqual([
          '10.0.0.1#8080#DEFAULT#DEFAULT_GROUP@@shared weight 3 version 2',
          '10.0.0.2#9090#DEFAULT#DEFAULT_GROUP@@shared weight 2 version 2',
        ])
      })
      await registration.deregister()
      await client.deregisterInstance('shared', instance)
      await vi.waitFor(async () => expect(await discovery.getInstances('shared')).toEqual([]))
    })

    it('is told of what NacosRegistrar registers later', async () => {
      const client = await official()
      const registrar = new NacosRegistrar({ servers: [server().url] })
      closing.push(registrar)
      let hosts: Hosts = []
      client.subscribe('subscribed', (told: Hosts) => {
        hosts = told
      })
      const registration = await registrar.register('subscribed', { host: '10.0.0.3', port: 1 })
      await vi.waitFor(() => expect(hosts).toMatchObject([{ ip: '10.0.0.3', port: 1 }]), 30_000)
      await registration.deregister()
    })
  })
}

function summary({ id, weight, metadata }: ServiceInstance): string {
  return `${id} weight ${weight} version ${metadata.version}`
}
