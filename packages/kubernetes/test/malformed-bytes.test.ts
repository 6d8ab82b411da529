import { readFileSync } from 'node:fs'
import { DiscoveryError, InvalidInstanceError, parseInstance, type ServiceInstanceInit } from '@lb/core'
import { Notes } from '@lb/testing'
import { FaultProxy, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { KubernetesDiscovery } from '../src/index.ts'
import { KubernetesRegistry } from './kubernetes-registry.ts'
import { PlainFront } from './plain-front.ts'

const instances = [
  { host: '10.0.0.1', port: 8080 },
  { host: '10.0.0.2', port: 8080 },
]

describeWithServers('a real answer with a fault in one byte', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let front: PlainFront
  let proxy: FaultProxy
  let registry: KubernetesRegistry
  beforeAll(async () => {
    server = await KubeApiServer.start()
    registry = new KubernetesRegistry(server)
    const { hostname: host, port } = new URL(server.url)
    front = await PlainFront.start({ host, port: Number(port), ca: readFileSync(server.caPath, 'utf8') })
    proxy = await FaultProxy.start({ port: front.port })
    await registry.set('orders', instances)
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await front.close()
    await server.stop()
  })

  function eventually(check: () => void): Promise<void> {
    return vi.waitFor(check, { timeout: 10_000, interval: 2 })
  }

  function discover(): KubernetesDiscovery {
    // Without a pause between tries.
    return registry.discover({ server: `http://${proxy.address}`, timeoutMs: 200, random: () => 0 })
  }

  /** How many bytes a list takes, head and body. */
  async function answerLength(): Promise<number> {
    await proxy.pass()
    const before = proxy.bytesFromServer
    const discovery = discover()
    expect(await discovery.getInstances('orders')).toHaveLength(2)
    await discovery.close()
    return proxy.bytesFromServer - before
  }

  async function ask(where = 'no fault'): Promise<'refused' | 'used'> {
    const discovery = discover()
    try {
      const list = await discovery.getInstances('orders').catch((error: unknown) => error)
      if (list instanceof DiscoveryError) return 'refused'
      // As many as there are: what is wrong in one is seen by core, or cannot be seen.
      expect(list, where).toHaveLength(2)
      for (const init of list as ServiceInstanceInit[]) parseOrReject(init)
      return 'used'
    } finally {
      await discovery.close()
    }
  }

  describe.each<[string, number, (offset: number) => void]>([
    ['that is inverted', 1, (offset) => proxy.corruptAt(offset)],
    ['after which nothing comes', 3, (offset) => proxy.cutAt(offset)],
    ['after which the connection is reset', 3, (offset) => proxy.cutAt(offset, 'reset')],
  ])('%s', (_, step, fault) => {
    it('is a failure or the list, wherever it is; never an empty or shorter list', { timeout: 120_000 }, async () => {
      const length = await answerLength()
      const outcomes = { refused: 0, used: 0 }
      for (let offset = 0; offset < length; offset += step) {
        fault(offset)
        outcomes[await ask(`byte ${offset}`)]++
      }
      expect(outcomes.refused).toBeGreaterThan(0)
      await proxy.pass()
      expect(await ask()).toBe('used')
    })
  })

  it('does not end a watch, which has the right list when the fault is gone', { timeout: 120_000 }, async () => {
    const length = await answerLength()
    for (let offset = 0; offset < length; offset += 10) {
      proxy.corruptAt(offset)
      const notes = new Notes()
      const discovery = discover()
      discovery.watch('orders', notes)
      await eventually(() => expect(notes.calls, `byte ${offset}`).toBeGreaterThan(0))
      await proxy.pass()
      proxy.reset()
      await eventually(() => expect(notes.hosts, `byte ${offset}`).toEqual(['10.0.0.1', '10.0.0.2']))
      expect(notes.lists.every((list) => list.length === 2)).toBe(true)
      await discovery.close()
    }
  })
})

/** What core refuses, it refuses by name. */
function parseOrReject(init: ServiceInstanceInit): void {
  try {
    parseInstance(init)
  } catch (error) {
    if (!(error instanceof InvalidInstanceError)) throw error
  }
}
