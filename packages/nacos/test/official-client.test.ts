import { parseInstance, type ServiceInstance } from '@lb/core'
import { NacosNamingClient } from 'nacos'
import { FakeNacos } from 'test-servers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'

/** The official client, as it is. Here it is the judge of the fake; in real-server-official-client.ts it runs on real servers. */
type OfficialClient = InstanceType<typeof NacosNamingClient> & { close(): Promise<void> }
type Hosts = readonly { ip: string; port: number; weight: number; metadata: unknown }[]

const silent = Object.fromEntries(['debug', 'info', 'log', 'warn', 'error'].map((level) => [level, () => {}]))
const timeout = 20_000

let fake: FakeNacos
const closing: { close(): unknown }[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()))
  await fake.stop()
})

async function official(options: object = {}): Promise<OfficialClient> {
  const logger = silent as unknown as Console
  const serverList = fake.url.slice('http://'.length)
  const client = new NacosNamingClient({ logger, serverList, ...options }) as OfficialClient
  await client.ready()
  closing.push(client)
  return client
}

const instance = { ip: '10.0.0.1', port: 8080, weight: 3, metadata: { version: '2' } } as never

describe.each(['1.4', '2.5', '3.0'] as const)('the official client on the fake of %s', (version) => {
  beforeEach(async () => {
    fake = await FakeNacos.start({ version, cacheMillis: 1_000 })
  })

  it('registers, is listed and deregisters', { timeout }, async () => {
    const client = await official()
    await client.registerInstance('web', instance)
    expect(fake.instances('web')).toMatchObject([{ ip: '10.0.0.1', port: 8080, weight: 3, healthy: true }])
    // It is declared as if it gave the text itself.
    expect(await Promise.resolve(client.getServerStatus())).toBe('UP')
    expect(await client.selectInstances('web', 'DEFAULT_GROUP', '', true, false)).toMatchObject([{ ip: '10.0.0.1' }])
    await client.deregisterInstance('web', instance)
    expect(fake.instances('web')).toEqual([])
  })

  it('subscribes, is pushed and acknowledges', { timeout }, async () => {
    const client = await official()
    fake.set('web', [{ ip: '10.0.0.1', port: 8080 }])
    let hosts: Hosts = []
    client.subscribe('web', (told: Hosts) => {
      hosts = told
    })
    await vi.waitFor(() => expect(hosts).toHaveLength(1), timeout)
    // Small ones come as they are, large ones compressed.
    for (const count of [2, 20]) {
      const acknowledged = fake.acknowledgements.length
      fake.set(
        'web',
        Array.from({ length: count }, (_, index) => ({ ip: '10.0.0.1', port: 8080 + index })),
      )
      await vi.waitFor(() => expect(fake.acknowledgements.length).toBeGreaterThan(acknowledged), timeout)
      expect(hosts).toHaveLength(count)
    }
  })

  it('sees what NacosRegistrar registered, and is seen by NacosDiscovery', { timeout }, async () => {
    const client = await official()
    const registrar = new NacosRegistrar({ servers: [fake.url] })
    const discovery = new NacosDiscovery({ servers: [fake.url] })
    closing.push(registrar, discovery)
    const metadata = { version: '2', owner: 'payments' }
    const registration = await registrar.register('web', { host: '10.0.0.2', port: 9090, weight: 2, metadata })
    expect(await client.getAllInstances('web', 'DEFAULT_GROUP', '', false)).toMatchObject([
      { ip: '10.0.0.2', port: 9090, weight: 2, metadata },
    ])
    await client.registerInstance('web', instance)
    const seen = (await discovery.getInstances('web')).map(parseInstance)
    expect(seen.map(summary)).toEqual(['10.0.0.2:9090 weight 2 version 2', '10.0.0.1:8080 weight 3 version 2'])
    await registration.deregister()
    await client.deregisterInstance('web', instance)
    expect(await discovery.getInstances('web')).toEqual([])
  })

  it('is let in with name and password, and kept out without', { timeout }, async () => {
    await fake.stop()
    const auth = { username: 'lb', password: 'secret' }
    fake = await FakeNacos.start({ version, auth })
    const stranger = await official()
    await expect(stranger.registerInstance('web', instance)).rejects.toThrow()
    const client = await official(auth)
    await client.registerInstance('web', instance)
    expect(fake.instances('web')).toHaveLength(1)
  })
})

// It waits ten seconds before its first beat.
it('the official client keeps alive by beats what it registered', { timeout }, async () => {
  fake = await FakeNacos.start({ version: '2.5' })
  const client = await official()
  await client.registerInstance('web', instance)
  fake.forget('web')
  await vi.waitFor(() => expect(fake.instances('web')).toMatchObject([{ ip: '10.0.0.1', weight: 3 }]), timeout)
  await client.deregisterInstance('web', instance)
})

function summary({ id, host, port, weight, metadata }: ServiceInstance): string {
  expect(id).toBe(`${host}#${port}#DEFAULT#DEFAULT_GROUP@@web`)
  return `${host}:${port} weight ${weight} version ${metadata.version}`
}
