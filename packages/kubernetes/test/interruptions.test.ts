import { KubeApiServer, startTimeoutMs, TestNetwork } from 'test-servers'
import { describeWithNetwork, describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { KubernetesRegistry } from './kubernetes-registry.ts'
import { startBackends, Traffic } from './traffic.ts'

/** Short, so that a silent server is noticed within seconds. */
const impatient = { timeoutMs: 1_000, watchTimeoutMs: 2_000, idleTimeoutMs: 1_000 }

function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 })
}

/**
 * Two backends get traffic while `interrupt` lasts, all of it answered; once it is over, a third one that comes is found, and one
 * that goes is left.
 */
async function survives(
  service: string,
  server: KubeApiServer,
  interrupt: () => Promise<void>,
  restore: () => Promise<void>,
): Promise<void> {
  const registry = new KubernetesRegistry(server)
  const backends = await startBackends(3)
  const instances = backends.map(({ host, port }) => ({ host, port }))
  await registry.set(service, instances.slice(0, 2))
  await using traffic = await Traffic.start(registry.discover(impatient), service, backends)
  const answering = (): string[] => [...traffic.takeAnswers().keys()].sort()
  await eventually(() => expect(answering()).toEqual(['a', 'b']))

  await interrupt()
  await eventually(() => expect(traffic.snapshot.status).toBe('stale'))
  traffic.takeAnswers()
  // Also while it is known that the list is old.
  await eventually(() => expect(answering()).toEqual(['a', 'b']))
  expect(traffic.snapshot.discoveryError).toBeTruthy()

  await restore()
  await registry.set(service, instances.slice(1))
  await eventually(() => expect(answering()).toEqual(['b', 'c']))
  await eventually(() => expect(traffic.snapshot.status).toBe('fresh'))
  expect(traffic.failures).toEqual([])
}

describeWithServers('traffic goes on, and the list catches up', KubeApiServer.programs, () => {
  let server: KubeApiServer
  beforeAll(async () => {
    server = await KubeApiServer.start()
  }, startTimeoutMs)
  afterAll(() => server.stop())

  it('when the API server is killed and comes back', { timeout: 90_000 }, async () => {
    await survives(
      'killed',
      server,
      () => server.kill(),
      () => server.restart(),
    )
  })

  it('when the API server stands still for a while', { timeout: 90_000 }, async () => {
    await survives(
      'frozen',
      server,
      async () => server.pause(),
      async () => server.resume(),
    )
  })
})

describeWithNetwork('traffic goes on, and the list catches up', KubeApiServer.programs, () => {
  let network: TestNetwork
  let server: KubeApiServer
  beforeAll(async () => {
    network = TestNetwork.create()
    server = await KubeApiServer.start({
      namespace: network.namespaces[0] as NonNullable<(typeof network.namespaces)[0]>,
    })
  }, startTimeoutMs)
  afterAll(async () => {
    await server.stop()
    network.close()
  })

  it.each([
    ['lost', 'cutOff'],
    ['refused', 'refuse'],
  ] as const)('when packets to the API server are %s for a while', { timeout: 90_000 }, async (name, fault) => {
    const [namespace] = network.namespaces
    await survives(
      name,
      server,
      async () => namespace?.[fault](),
      async () => namespace?.heal(),
    )
  })
})
