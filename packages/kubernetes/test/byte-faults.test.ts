import { readFileSync } from 'node:fs'
import { describeByteFaults } from '@lb/testing/suites'
import { FaultProxy, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll } from 'vitest'
import { KubernetesRegistry } from './kubernetes-registry.ts'
import { PlainFront } from './plain-front.ts'

describeWithServers('behind a damaged connection', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let front: PlainFront
  let registry: KubernetesRegistry
  beforeAll(async () => {
    server = await KubeApiServer.start()
    registry = new KubernetesRegistry(server)
    const { hostname: host, port } = new URL(server.url)
    front = await PlainFront.start({ host, port: Number(port), ca: readFileSync(server.caPath, 'utf8') })
    await registry.set('orders', [
      { host: '10.0.0.1', port: 8080 },
      { host: '10.0.0.2', port: 8080 },
    ])
  }, startTimeoutMs)
  afterAll(async () => {
    await front.close()
    await server.stop()
  })

  describeByteFaults('KubernetesDiscovery', {
    // Without a pause between tries.
    connect: () => FaultProxy.start({ port: front.port }),
    create: ({ address }, timeoutMs) => registry.discover({ server: `http://${address}`, timeoutMs, random: () => 0 }),
    service: 'orders',
    count: 2,
    // Each field of the answer is longer: every one is damaged.
    step: 3,
  })
})
