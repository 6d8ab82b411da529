import { LoadBalancer } from '@lb/core'
import { LoopbackBackend, Traffic } from '@lb/testing'
import { FakeNacosProcess } from 'test-servers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'

const timeout = 40_000
const metadata = { 'preserved.heart.beat.interval': '500' }

describe.each(['2.5', '3.2'] as const)('calls through a load balancer, on the fake of %s', (version) => {
  let server: FakeNacosProcess
  let backends: LoopbackBackend[]
  let lb: LoadBalancer
  let registrar: NacosRegistrar
  let traffic: Traffic
  const registrations: { deregister(): Promise<void> }[] = []

  async function register(index: number, weight = 1): Promise<void> {
    const backend = backends[index] as LoopbackBackend
    registrations[index] = await registrar.register('web', { host: backend.host, port: backend.port, weight, metadata })
  }

  beforeEach(async () => {
    const lifetimes = { beatIntervalMs: 500, unhealthyAfterMs: 1_500, deletedAfterMs: 3_000 }
    server = await FakeNacosProcess.start({ version, cacheMillis: 1_000, lifetimes })
    backends = await Promise.all(['a', 'b', 'c'].map((id) => LoopbackBackend.start({ id })))
    registrar = new NacosRegistrar({ servers: [server.url], timeoutMs: 500 })
    const discovery = new NacosDiscovery({ servers: [server.url], timeoutMs: 500, pollIntervalMs: 500 })
    // What only beats keep alive is gone from a server that was started anew, until the next beats.
    lb = new LoadBalancer({ discovery, emptyGraceMs: 15_000 })
    await register(0)
    await register(1)
    await lb.ready('web')
    traffic = new Traffic(lb, 'web')
  }, timeout)
  afterEach(async () => {
    server.resume()
    await traffic.stop()
    await Promise.all([lb.close(), registrar.close()])
    await server.kill()
    await Promise.all(backends.map((backend) => backend.stop()))
  }, timeout)

  const isStale = (): boolean => lb.inspect('web').status === 'stale'

  it('follow instances that come, change and go', { timeout }, async () => {
    await traffic.reaches('a', 'b')
    await register(2)
    await traffic.reaches('a', 'b', 'c')
    // The same place with another weight is the same instance, changed.
    await registrations[1]?.deregister()
    await traffic.reaches('a', 'c')
    await register(0, 3)
    await vi.waitFor(() => {
      expect(new Set(lb.inspect('web').instances.map(({ instance }) => instance.weight))).toEqual(new Set([1, 3]))
    }, 5_000)
    expect(traffic.failures).toEqual([])
  })

  it('go on while the registry is killed, and catch up after it was started again', { timeout }, async () => {
    await traffic.reaches('a', 'b')
    await server.kill()
    await vi.waitFor(() => expect(isStale()).toBe(true), 10_000)
    await traffic.reaches('a', 'b')
    await server.restart()
    await vi.waitFor(() => expect(isStale()).toBe(false), 15_000)
    // Registrars come back by themselves; what registers now is seen beside them.
    await register(2)
    await traffic.reaches('a', 'b', 'c')
    await vi.waitFor(() => expect(lb.inspect('web').instances).toHaveLength(3), 15_000)
    expect(traffic.failures).toEqual([])
  })

  it('go on while the registry is frozen, and catch up after it thawed', { timeout }, async () => {
    await traffic.reaches('a', 'b')
    server.pause()
    await vi.waitFor(() => expect(isStale()).toBe(true), 10_000)
    await traffic.reaches('a', 'b')
    server.resume()
    await vi.waitFor(() => expect(isStale()).toBe(false), 15_000)
    await register(2)
    await traffic.reaches('a', 'b', 'c')
    expect(traffic.failures).toEqual([])
  })
})
