import { LoadBalancer } from '@lb/core'
import { LoopbackBackend, Traffic } from '@lb/testing'
import { Nacos } from 'test-servers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'
import type { OnServer } from './real-server.ts'

const metadata = { 'preserved.heart.beat.interval': '500' }

/** The server is killed, and forgets every ephemeral instance. Nothing else runs on it at that time. */
export const describeOutages: OnServer = (server) => {
  describe('calls through a load balancer', { timeout: Nacos.startTimeoutMs + 60_000 }, () => {
    let backends: LoopbackBackend[]
    let lb: LoadBalancer
    let registrar: NacosRegistrar
    let traffic: Traffic
    const register = async (index: number): Promise<void> => {
      const { host, port } = backends[index] as LoopbackBackend
      await registrar.register('called', { host, port, metadata })
    }
    beforeEach(async () => {
      backends = await Promise.all(['a', 'b', 'c'].map((id) => LoopbackBackend.start({ id })))
      registrar = new NacosRegistrar({ servers: [server().url], timeoutMs: 2_000 })
      const discovery = new NacosDiscovery({ servers: [server().url], timeoutMs: 2_000, pollIntervalMs: 500 })
      lb = new LoadBalancer({ discovery, emptyGraceMs: 30_000 })
      await register(0)
      await register(1)
      await vi.waitFor(async () => expect(await discovery.getInstances('called')).toHaveLength(2))
      await lb.ready('called')
      traffic = new Traffic(lb, 'called')
    })
    afterEach(async () => {
      await traffic.stop()
      await Promise.all([lb.close(), registrar.close()])
      await Promise.all(backends.map((backend) => backend.stop()))
    })

    it('go on while the registry is killed, and catch up after it was started again', async () => {
      const isStale = (): boolean => lb.inspect('called').status === 'stale'
      await traffic.reaches('a', 'b')
      await server().kill()
      await vi.waitFor(() => expect(isStale()).toBe(true), 30_000)
      await traffic.reaches('a', 'b')
      await server().restart()
      await vi.waitFor(() => expect(isStale()).toBe(false), 60_000)
      // The registrar comes back by itself; what registers now is seen beside its instances.
      await register(2)
      await vi.waitFor(() => expect(lb.inspect('called').instances).toHaveLength(3), 60_000)
      await traffic.reaches('a', 'b', 'c')
      expect(traffic.failures).toEqual([])
    })
  })
}
