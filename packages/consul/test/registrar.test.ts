import { LoadBalancer, parseInstance } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import OfficialClient from 'consul'
import { Consul, FaultProxy, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { ConsulDiscovery, ConsulRegistrar, type ConsulRegistrarOptions } from '../src/index.ts'

const soon = { timeout: 10_000 }

describeWithServers('registered with a real agent', Consul.programs, () => {
  let consul: Consul
  let proxy: FaultProxy
  const registrars: ConsulRegistrar[] = []
  let discovery: ConsulDiscovery
  beforeAll(async () => {
    consul = await Consul.start()
    proxy = await FaultProxy.start({ port: Number(new URL(consul.url).port) })
  }, startTimeoutMs)
  afterAll(async () => {
    await proxy.close()
    await consul.stop()
  })
  beforeEach(() => {
    discovery = new ConsulDiscovery({ address: consul.url, env: {} })
  })
  afterEach(async () => {
    await proxy.pass()
    for (const registrar of registrars.splice(0)) await registrar.close()
    await discovery.close()
  })

  const registrarWith = (options: ConsulRegistrarOptions = {}): ConsulRegistrar => {
    const registrar = new ConsulRegistrar({ address: proxy.address, env: {}, timeoutMs: 1_000, ...options })
    registrars.push(registrar)
    return registrar
  }

  /** `host:port weight health` of each instance. */
  const seen = async (service: string): Promise<string> => {
    const instances = (await discovery.getInstances(service)).map(parseInstance)
    return instances
      .map(({ host, port, weight, healthy }) => `${host}:${port} ${weight} ${healthy ? 'well' : 'ill'}`)
      .join()
  }
  const becomes = (service: string, expected: string): Promise<void> =>
    vi.waitFor(async () => expect(await seen(service)).toBe(expected), soon)

  it('an instance comes back from the discovery as it went in', async () => {
    const instance = {
      host: '10.0.0.1',
      port: 443,
      weight: 10,
      priority: 1,
      zone: 'a',
      secure: true,
      metadata: { version: '2' },
    }
    await registrarWith({ tags: ['v2'] }).register('round-trip', instance)
    await vi.waitFor(async () => {
      const [init] = await discovery.getInstances('round-trip')
      const metadata = { version: '2', zone: 'a', secure: 'true', 'lb-priority': '1', tags: 'v2' }
      const id = 'dev1/round-trip:10.0.0.1:443'
      expect(init).toEqual({ ...instance, id, healthy: true, metadata })
    }, soon)
  })

  it('the official client sees the same, and lb sees what that one registers', async () => {
    const { hostname, port } = new URL(consul.url)
    const official = new OfficialClient({ host: hostname, port: Number(port) })
    await registrarWith({ tags: ['v2'] }).register('ours', { host: '10.0.0.1', port: 80, metadata: { a: 'b' } })
    const known = async (): Promise<unknown> => official.agent.service.list()
    expect(await known()).toMatchObject({
      'ours:10.0.0.1:80': { Service: 'ours', Address: '10.0.0.1', Port: 80, Tags: ['v2'], Meta: { a: 'b' } },
    })
    await official.agent.service.register({ id: 'theirs-1', name: 'theirs', address: '10.0.0.2', port: 81 })
    await becomes('theirs', '10.0.0.2:81 1 well')
    await official.agent.service.deregister('theirs-1')
    await becomes('theirs', '')
  })

  it('a TTL check fails when the registrar is cut off, and passes when it is back', async () => {
    const errors: unknown[] = []
    const registrar = registrarWith({ check: { ttlMs: 1_500 }, onError: (error) => errors.push(error) })
    await registrar.register('alive', { host: '10.0.0.1', port: 80, weight: 7 })
    await becomes('alive', '10.0.0.1:80 7 well')
    proxy.blackHole()
    await becomes('alive', '10.0.0.1:80 7 ill')
    expect(String(errors[0])).toContain('ConsulRegistrar: no answer')
    await proxy.pass()
    await becomes('alive', '10.0.0.1:80 7 well')
  }, 40_000)

  it('an HTTP check asks the instance: well, in doubt, gone', async () => {
    const backend = await LoopbackBackend.start({ id: 'a' })
    const at = `127.0.0.1:${backend.port}`
    const registrar = registrarWith({ check: { http: '/health', intervalMs: 1_000 }, warningWeight: 2 })
    await registrar.register('asked', { host: '127.0.0.1', port: backend.port, weight: 9 })
    await becomes('asked', `${at} 9 well`)
    expect(backend.requests[0]?.url).toBe('/health')
    // 429 is a warning, by Consul's rules.
    backend.script = { status: 429 }
    await becomes('asked', `${at} 2 well`)
    await backend.stop()
    await becomes('asked', `${at} 9 ill`)
    await backend.restart()
    backend.script = { status: 200 }
    await becomes('asked', `${at} 9 well`)
    await registrar.close()
    await becomes('asked', '')
    await backend.stop()
  }, 60_000)

  it('maintenance drains the instance, for callers too, and is kept when the agent loses it', async () => {
    const registrar = registrarWith({ check: { ttlMs: 1_500 } })
    const first = await registrar.register('kept', '10.0.0.1:80')
    await registrar.register('kept', '10.0.0.2:80')
    const lb = new LoadBalancer({
      discovery: new ConsulDiscovery({ address: consul.url, env: {}, churnIntervalMs: 500 }),
    })
    const picked = (): string[] => [...new Set(Array.from({ length: 8 }, () => lb.pick('kept').host))].sort()
    const callersSee = (...hosts: string[]): Promise<void> => vi.waitFor(() => expect(picked()).toEqual(hosts), soon)
    await becomes('kept', '10.0.0.1:80 1 well,10.0.0.2:80 1 well')
    await lb.ready('kept')
    await callersSee('10.0.0.1', '10.0.0.2')
    await first.maintenance(true, 'a new disk & more')
    await callersSee('10.0.0.2')
    const checks = (await consul.request('GET', '/v1/agent/checks')) as Record<string, { Notes: string }>
    expect(checks['_service_maintenance:kept:10.0.0.1:80']?.Notes).toBe('a new disk & more')

    await consul.deregister(encodeURIComponent('kept:10.0.0.1:80'))
    // Registered again, and in maintenance still.
    await becomes('kept', '10.0.0.1:80 0 ill,10.0.0.2:80 1 well')
    await first.maintenance(false)
    await callersSee('10.0.0.1', '10.0.0.2')
    await first.deregister()
    await expect(first.maintenance(true)).rejects.toThrow('kept: 10.0.0.1:80 is in no maintenance: it was deregistered')
    await becomes('kept', '10.0.0.2:80 1 well')
    await lb.close()
  }, 60_000)

  it('maintenance of an operator outlives a renewal, and checks of an earlier run do not outlive a registration', async () => {
    const check = { CheckID: 'of-an-earlier-run', TTL: '1s' }
    await consul.register({ ID: 'run:10.0.0.1:80', Name: 'run', Address: '10.0.0.1', Port: 80, Check: check })
    await becomes('run', '10.0.0.1:80 1 ill')
    await registrarWith({ check: { ttlMs: 1_500 } }).register('run', '10.0.0.1:80')
    await becomes('run', '10.0.0.1:80 1 well')
    await consul.request('PUT', `/v1/agent/service/maintenance/${encodeURIComponent('run:10.0.0.1:80')}?enable=true`)
    await becomes('run', '10.0.0.1:80 0 ill')
    const before = proxy.bytesFromClients
    await vi.waitFor(() => expect(proxy.bytesFromClients).toBeGreaterThan(before + 300), soon)
    expect(await seen('run')).toBe('10.0.0.1:80 0 ill')
  }, 40_000)

  it('an instance that Consul cannot hold is refused, with what it says', async () => {
    const registration = registrarWith().register('bad', { host: 'a.test', port: 80, metadata: { 'a.b': 'c' } })
    await expect(registration).rejects.toThrow('Key contains invalid characters')
    expect(await seen('bad')).toBe('')
  })
})
