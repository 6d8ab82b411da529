import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { Notes } from '@lb/testing'
import { FaultProxy, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { KubernetesDiscovery, type KubernetesDiscoveryOptions } from '../src/index.ts'
import { KubernetesRegistry } from './kubernetes-registry.ts'
import { notReady, podEndpoint, ready, slice, terminating } from './slices.ts'

describeWithServers('with a Kubernetes API server', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let registry: KubernetesRegistry
  const opened: KubernetesDiscovery[] = []
  beforeAll(async () => {
    server = await KubeApiServer.start()
    registry = new KubernetesRegistry(server)
  }, startTimeoutMs)
  afterAll(() => server.stop())
  afterEach(async () => {
    for (const discovery of opened.splice(0)) await discovery.close()
  })

  function discover(options: KubernetesDiscoveryOptions = {}): KubernetesDiscovery {
    const discovery = registry.discover(options)
    opened.push(discovery)
    return discovery
  }

  function follow(service: string, options: KubernetesDiscoveryOptions = {}): Notes {
    const notes = new Notes()
    discover(options).watch(service, notes)
    return notes
  }

  function eventually(check: () => void): Promise<void> {
    return vi.waitFor(check, { timeout: 8_000, interval: 10 })
  }

  it('an instance appears, changes weight and metadata, and disappears', async () => {
    const notes = follow('orders')
    await eventually(() => expect(notes.lists).toEqual([[]]))
    await registry.set('orders', [{ host: '10.0.0.1', port: 8080, metadata: { version: 'v1' } }])
    await eventually(() => expect(notes.lists.at(-1)).toMatchObject([{ weight: 1, metadata: { version: 'v1' } }]))
    await registry.set('orders', [{ host: '10.0.0.1', port: 8080, weight: 5, metadata: { version: 'v2' } }])
    await eventually(() => expect(notes.lists.at(-1)).toMatchObject([{ weight: 5, metadata: { version: 'v2' } }]))
    expect(new Set(notes.lists.flat().map(({ id }) => id)).size).toBe(1)
    await registry.set('orders', [])
    await eventually(() => expect(notes.lists.at(-1)).toEqual([]))
    expect(notes.errors).toEqual([])
  })

  it('two slices are one list, an endpoint in both is one instance, and a slice may go', async () => {
    const [first, second] = [podEndpoint('10.0.0.1', 'p'), podEndpoint('10.0.0.2', 'q')]
    await registry.write('two', [slice('two', 'two-1', [first, second]), slice('two', 'two-2', [second])])
    const notes = follow('two')
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.1', '10.0.0.2']))
    expect(notes.lists[0]).toHaveLength(2)
    await registry.write('two', [slice('two', 'two-2', [second])])
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.2']))
  })

  it('a rollout drains who terminates, and waits for who is not ready', async () => {
    const states = async (old: object, fresh: object): Promise<void> =>
      registry.write('rollout', [
        slice('rollout', 'rollout-1', [
          podEndpoint('10.0.0.1', 'old', { conditions: old }),
          podEndpoint('10.0.0.2', 'new', { conditions: fresh }),
        ]),
      ])
    await states(ready, notReady)
    const notes = follow('rollout')
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.1']))
    await states(terminating, notReady)
    await eventually(() => expect(notes.lists).toHaveLength(2))
    // Nobody is ready: who still serves is better than nobody.
    expect(notes.hosts).toEqual(['10.0.0.1'])
    await states(terminating, { ready: null })
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.2']))
    expect(notes.lists.at(-1)).toMatchObject([
      { id: 'uid-old', weight: 0, healthy: true },
      { id: 'uid-new', weight: 1 },
    ])
  })

  it('named ports, families, zones and hints are as the slices say', async () => {
    const ports = [
      { name: 'grpc', protocol: 'TCP', port: 50_051 },
      { name: 'http', protocol: 'TCP', port: 8443, appProtocol: 'https' },
    ]
    const hinted = (address: string, pod: string, zone: string): ReturnType<typeof podEndpoint> =>
      podEndpoint(address, pod, { zone, hints: { forZones: [{ name: zone }] } })
    await registry.write('rich', [
      slice('rich', 'rich-4', [hinted('10.0.0.1', 'a', 'z1'), hinted('10.0.0.2', 'b', 'z2')], { ports }),
      slice('rich', 'rich-5', [hinted('10.0.0.3', 'c', 'z1')], { ports: ports.slice(1) }),
      slice('rich', 'rich-6', [hinted('fd00::1', 'a', 'z1'), hinted('fd00::2', 'b', 'z2')], {
        addressType: 'IPv6',
        ports,
      }),
    ])
    expect(await discover({ zone: 'z1' }).getInstances('rich')).toMatchObject([
      { host: '10.0.0.1', port: 8443, secure: true, zone: 'z1', priority: 0 },
      { host: '10.0.0.2', port: 8443, secure: true, zone: 'z2', priority: 1 },
      { host: '10.0.0.3', port: 8443, secure: true, zone: 'z1', priority: 0 },
    ])
    // A slice has no such port: its endpoints are left out.
    expect(await discover({ port: 'grpc' }).getInstances('rich')).toMatchObject([
      { host: '10.0.0.1', port: 50_051, secure: false, priority: 0 },
      { host: '10.0.0.2', port: 50_051 },
    ])
    expect(await discover({ family: 6, port: 50_051 }).getInstances('rich')).toMatchObject([
      { id: 'uid-a', host: 'fd00::1' },
      { id: 'uid-b', host: 'fd00::2' },
    ])
    await expect(discover({ port: 'metrics' }).getInstances('rich')).rejects.toThrow('they have "grpc", "http"')
  })

  it('a service is in the namespace that its name says, or the default one', async () => {
    await server.request('POST', '/api/v1/namespaces', { metadata: { name: 'prod' } })
    await registry.write('far', [slice('far', 'far-1', ['10.0.0.7'])], 'prod')
    const hosts = async (service: string, namespace = 'default'): Promise<unknown> =>
      (await discover({ namespace }).getInstances(service)).map((init) => (typeof init === 'string' ? init : init.host))
    expect(await hosts('far')).toEqual([])
    expect(await hosts('far', 'prod')).toEqual(['10.0.0.7'])
    expect(await hosts('far.prod')).toEqual(['10.0.0.7'])
    expect(await hosts('far.prod.svc.cluster.local')).toEqual(['10.0.0.7'])
  })

  it('a watch that the server ends goes on without a word and without a list', async () => {
    const proxy = await FaultProxy.start({ port: Number(new URL(server.url).port) })
    await registry.set('long', [{ host: '10.0.0.1', port: 80 }])
    const notes = follow('long', { server: `https://${proxy.address}`, watchTimeoutMs: 2_000 })
    await eventually(() => expect(notes.lists).toHaveLength(1))
    // Nothing but requests comes from the client: two more of them, each after the end of a watch.
    for (const _ of ['second', 'third']) {
      const before = proxy.bytesFromClients
      await eventually(() => expect(proxy.bytesFromClients).toBeGreaterThan(before + 100))
    }
    await registry.set('long', [{ host: '10.0.0.2', port: 80 }])
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.2']))
    expect(notes.errors).toEqual([])
    // The two slices of the change come one by one.
    expect(notes.lists.length).toBeLessThanOrEqual(3)
    await proxy.close()
  }, 20_000)

  describe('permission', () => {
    it('is asked for by name when it is missing, and used when it is there', async () => {
      await server.request('POST', '/api/v1/namespaces', { metadata: { name: 'guarded' } })
      await registry.write('web', [slice('web', 'web-1', ['10.0.0.1'])], 'guarded')
      const options = { token: server.nobodyToken, namespace: 'guarded' }
      await expect(discover(options).getInstances('web')).rejects.toThrow(
        /^web: .*403.*User "nobody" cannot list resource "endpointslices".*Grant the verbs "list" and "watch"/,
      )
      await server.letNobodyRead('guarded')
      await vi.waitFor(() => discover(options).getInstances('web'), { timeout: 5_000 })
      const notes = follow('web', options)
      await eventually(() => expect(notes.hosts).toEqual(['10.0.0.1']))
    })

    it('is that of the user of a kubeconfig, and of its plugin by a KubeConfig', async () => {
      await registry.set('listed', [{ host: '10.0.0.1', port: 80 }])
      const file = join(dirname(server.caPath), 'kubeconfig')
      const authority = readFileSync(server.caPath).toString('base64')
      writeFileSync(
        file,
        `
current-context: a
contexts:
- {name: a, context: {cluster: c, user: admin}}
- {name: b, context: {cluster: c, user: stranger}}
- {name: with-plugin, context: {cluster: c, user: plugin}}
clusters: [{name: c, cluster: {server: "${server.url}", certificate-authority-data: "${authority}"}}]
users:
- {name: admin, user: {token: "${server.adminToken}"}}
- {name: stranger, user: {token: x}}
- {name: plugin, user: {exec: {apiVersion: v1, command: echo, args: ['{"status":{"token":"${server.adminToken}"}}']}}}`,
      )
      const kubeconfig = new KubeConfig()
      kubeconfig.loadFromFile(file)
      kubeconfig.setCurrentContext('with-plugin')
      const [admin, stranger, plugin] = [
        new KubernetesDiscovery({ kubeconfig: file }),
        new KubernetesDiscovery({ kubeconfig: file, context: 'b' }),
        new KubernetesDiscovery({ kubeconfig }),
      ]
      opened.push(admin, stranger, plugin)
      expect(await admin.getInstances('listed')).toHaveLength(1)
      expect(await plugin.getInstances('listed')).toHaveLength(1)
      await expect(stranger.getInstances('listed')).rejects.toThrow('401')
    })

    it('is nobody’s with a token that the server does not know, and the token is not shown', async () => {
      const list = discover({ token: 'secret-1' }).getInstances('web')
      await expect(list).rejects.toThrow('The token is not accepted')
      await expect(list).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret-1') }))
    })

    it('is not given to a server whose certificate is not trusted', async () => {
      const discovery = discover({ caFile: undefined } as unknown as KubernetesDiscoveryOptions)
      await expect(discovery.getInstances('web')).rejects.toThrow(/self-signed|unable to verify/)
    })
  })
})
