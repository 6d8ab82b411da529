import { LoadBalancer, parseInstance } from '@lb/core'
import { FakeClock, fastClock } from '@lb/testing'
import type { NacosInstanceInit } from 'test-servers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'
import type { OnServer } from './real-server.ts'

const address = { host: '10.0.0.1', port: 8080 }
const host = (port: number, fields: Partial<NacosInstanceInit> = {}): NacosInstanceInit => ({
  ip: '10.0.0.1',
  port,
  ...fields,
})

/** What becomes of instances: those that lb registers, and those of others that it finds. */
export const describeInstances: OnServer = (server) => {
  const closing: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const each of closing.splice(0).reverse()) await each.close()
  })
  const discover = (options: object = {}): NacosDiscovery => {
    const discovery = new NacosDiscovery({ servers: [server().url], ...options })
    closing.push(discovery)
    return discovery
  }
  const registrarOf = (options: object = {}): NacosRegistrar => {
    const registrar = new NacosRegistrar({ servers: [server().url], ...options })
    closing.push(registrar)
    return registrar
  }

  describe('an instance that is registered', () => {
    it('is what NacosDiscovery finds, field by field', async () => {
      const discovery = discover({ group: 'SHOP' })
      const init = { ...address, weight: 2.5, zone: 'eu-a', secure: true, priority: 1, metadata: { v: 'ü"&=' } }
      const registration = await registrarOf().register('SHOP@@fields', init)
      expect(registration).toMatchObject({ service: 'SHOP@@fields', instance: parseInstance(init) })
      await vi.waitFor(async () => {
        expect(await discovery.getInstances('fields')).toMatchObject([{ ...init, healthy: true }])
      })
      await registration.deregister()
      await vi.waitFor(async () => expect(await discovery.getInstances('fields')).toEqual([]))
    })

    it('is in the cluster and the namespace of the options', async () => {
      const registrar = registrarOf({ cluster: 'eu-a', namespace: 'other' })
      await registrar.register('clustered', address)
      await vi.waitFor(async () => {
        const listed = await server().instances('clustered', { namespace: 'other' })
        expect(listed).toMatchObject([{ clusterName: 'eu-a', ephemeral: true }])
      })
      const found = await discover({ namespace: 'other', clusters: ['eu-a'] }).getInstances('clustered')
      expect(found).toMatchObject([{ ...address, zone: 'eu-a' }])
      expect(await server().instances('clustered')).toEqual([])
      await registrar.close()
      await vi.waitFor(async () => expect(await server().instances('clustered', { namespace: 'other' })).toEqual([]))
    })

    it('of one cluster is not among those of another', async () => {
      await server().register('clusters', host(1, { clusterName: 'eu-a' }))
      await server().register('clusters', host(2))
      const portsIn = async (...clusters: string[]): Promise<(number | undefined)[]> => {
        const list = await discover({ clusters }).getInstances('clusters')
        return list.map((init) => parseInstance(init).port).toSorted((a, b) => Number(a) - Number(b))
      }
      await vi.waitFor(async () => {
        expect(await portsIn('eu-a')).toEqual([1])
        expect(await portsIn('DEFAULT')).toEqual([2])
        expect(await portsIn('eu-a', 'DEFAULT')).toEqual([1, 2])
      })
    })

    it('is kept by beats for longer than the server keeps it without', async () => {
      const metadata = {
        'preserved.heart.beat.interval': '500',
        'preserved.heart.beat.timeout': '3000',
        'preserved.ip.delete.timeout': '6000',
      }
      const forgetful = registrarOf({ clock: new FakeClock() })
      await registrarOf().register('kept', { ...address, metadata })
      await forgetful.register('dropped', { ...address, metadata })
      await vi.waitFor(async () => expect(await server().instances('dropped')).toHaveLength(1))
      // It goes because nothing beats for it; the other has to be there still.
      await vi.waitFor(async () => expect(await server().instances('dropped')).toEqual([]), 30_000)
      await vi.waitFor(async () => {
        expect(await server().instances('kept')).toMatchObject([{ ip: '10.0.0.1', healthy: true }])
      })
    })
  })

  describe('picks', () => {
    const picked = async (service: string): Promise<{ lb: LoadBalancer; ports: number[] }> => {
      const clock = new FakeClock()
      const lb = new LoadBalancer({ discovery: discover({ clock }), clock })
      closing.push(lb)
      await lb.ready(service)
      const ports = new Set(Array.from({ length: 100 }, () => lb.pick(service).port))
      return { lb, ports: [...ports].sort((left, right) => left - right) }
    }
    const register = async (service: string, ...instances: NacosInstanceInit[]): Promise<void> => {
      for (const instance of instances) await server().register(service, instance)
      const listed = instances.filter(({ enabled }) => enabled !== false)
      await vi.waitFor(async () => expect(await server().instances(service)).toHaveLength(listed.length))
    }

    it('are never of an instance that is switched off, drained or unhealthy', async () => {
      const off = [host(2, { enabled: false }), host(3, { weight: 0 }), host(4, { healthy: false })]
      await register('selected', host(1), ...off, host(5), host(6))
      const { lb, ports } = await picked('selected')
      expect(ports).toEqual([1, 5, 6])
      const states = lb.inspect('selected').instances.map(({ instance, state }) => `${instance.port} ${state}`)
      expect(states.sort()).toEqual(['1 available', '3 drained', '4 unhealthy', '5 available', '6 available'])
    })

    it('are of all when so few are healthy that the server protects them', async () => {
      await register('protected', host(1), host(2, { healthy: false }), host(3, { healthy: false }))
      await server().protect('protected', 0.4)
      await vi.waitFor(async () => {
        expect(await server().instances('protected')).toMatchObject(Array(3).fill({ healthy: true }))
      })
      const { lb, ports } = await picked('protected')
      expect(ports).toEqual([1, 2, 3])
      const shown = lb.inspect('protected').instances.map(({ instance }) => instance.metadata['nacos.protected'])
      expect(shown).toEqual(Array(3).fill(server().version === '2.5' ? 'true' : undefined))
    })

    it('follow weights, also fractional ones', async () => {
      await register('weighted', host(1, { weight: 0.5 }), host(2, { weight: 1.5 }))
      const { lb } = await picked('weighted')
      const ports = Array.from({ length: 400 }, () => lb.pick('weighted').port)
      expect(ports.filter((port) => port === 2)).toHaveLength(300)
    })
  })

  it('a watch follows what comes, changes and goes, and 1 000 instances are read', { timeout: 120_000 }, async () => {
    const lb = new LoadBalancer({ discovery: discover({ clock: fastClock }) })
    closing.push(lb)
    const many = Array.from({ length: 1_000 }, (_, index) => host(1 + index))
    for (let from = 0; from < many.length; from += 20) {
      await Promise.all(many.slice(from, from + 20).map((instance) => server().register('many', instance)))
    }
    await lb.ready('many')
    const inspected = () => lb.inspect('many').instances.map(({ instance }) => `${instance.port}: ${instance.weight}`)
    await vi.waitFor(() => expect(inspected()).toHaveLength(1_000), 30_000)
    await server().register('many', host(1, { weight: 7 }))
    await server().deregister('many', host(2))
    await vi.waitFor(() => expect(inspected()).toHaveLength(999), 30_000)
    await vi.waitFor(() => expect(inspected()).toContain('1: 7'), 30_000)
  })
}
