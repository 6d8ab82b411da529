import { parseInstance } from '@lb/core'
import { Etcd, GoInterop, startTimeoutMs } from 'test-servers'
import { describeKratos } from 'test-servers/kratos'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { EtcdDiscovery, EtcdRegistrar } from '../src/index.ts'

describeWithServers('on etcd, beside services in Go', [...Etcd.programs, ...GoInterop.programs], () => {
  let etcd: Etcd
  let kratos: { readonly discovery: EtcdDiscovery; readonly registrar: EtcdRegistrar }
  const address = (): string => new URL(etcd.url).host
  beforeAll(async () => {
    etcd = await Etcd.start()
    const endpoints = [etcd.url]
    kratos = { discovery: new EtcdDiscovery({ endpoints }), registrar: new EtcdRegistrar({ endpoints }) }
  }, startTimeoutMs)
  afterAll(async () => {
    await Promise.all([kratos.discovery.close(), kratos.registrar.close()])
    await etcd.stop()
  })

  describeKratos({
    registry: () => ({ kind: 'etcd', address: address() }),
    find: async (service) => (await kratos.discovery.getInstances(service)).map(parseInstance),
    register: async (service, instance) => {
      const registration = await kratos.registrar.register(service, instance)
      return () => registration.deregister()
    },
  })

  it('what go-zero publishes is found, and gone when it ends', async () => {
    const discovery = new EtcdDiscovery({ endpoints: [etcd.url], codec: 'go-zero' })
    const found = async (): Promise<unknown[]> => (await discovery.getInstances('users.rpc')).map(parseInstance)
    const publisher = await GoInterop.zeroPublish(address(), 'users.rpc', '10.0.0.7:8081')
    await vi.waitFor(async () => expect(await found()).toMatchObject([{ host: '10.0.0.7', port: 8081, weight: 1 }]))
    await publisher.stop()
    await vi.waitFor(async () => expect(await found()).toEqual([]))
    await discovery.close()
  })

  it('go-zero subscribes to what lb registers', async () => {
    const registrar = new EtcdRegistrar({ endpoints: [etcd.url], codec: 'go-zero' })
    const subscriber = await GoInterop.zeroSubscribe(address(), 'orders.rpc')
    const first = await registrar.register('orders.rpc', { host: '10.0.0.8', port: 1 })
    await registrar.register('orders.rpc', { host: '10.0.0.9', port: 2 })
    await vi.waitFor(() => expect([...subscriber.values].sort()).toEqual(['10.0.0.8:1', '10.0.0.9:2']))
    await first.deregister()
    await vi.waitFor(() => expect(subscriber.values).toEqual(['10.0.0.9:2']))
    await registrar.close()
    await subscriber.stop()
  })
})
