import { LoadBalancer } from '@lb/core'
import { Consul, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { DnsSrvDiscovery, type DnsSrvDiscoveryOptions } from '../src/index.ts'
import { addressesOf, described } from './discovery-on-loopback.ts'

describeWithServers('with the DNS interface of a Consul agent', Consul.programs, () => {
  let consul: Consul
  beforeAll(async () => {
    consul = await Consul.start()
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  const discover = (options: DnsSrvDiscoveryOptions = {}): DnsSrvDiscovery =>
    new DnsSrvDiscovery({ name: '{service}.service.consul.', servers: [consul.address], ...options })

  it.each(['{service}.service.consul.', '_{service}._tcp.service.consul.'])(
    'finds instances with their weights under %s',
    async (name) => {
      await consul.register({
        ID: 'web-1',
        Name: 'web',
        Address: '127.0.0.1',
        Port: 8001,
        Weights: { Passing: 10, Warning: 1 },
      })
      await consul.register({
        ID: 'web-2',
        Name: 'web',
        Address: '127.0.0.2',
        Port: 8002,
        Weights: { Passing: 3, Warning: 1 },
      })
      expect(described(await discover({ name }).getInstances('web'))).toEqual([
        '127.0.0.1:8001 weight 10 priority 1',
        '127.0.0.2:8002 weight 3 priority 1',
      ])
    },
  )

  const ports = Array.from({ length: 40 }, (_, index) => 9_000 + index)
  const registerMany = async (agent: Consul): Promise<void> => {
    for (const port of ports) {
      await agent.register({ ID: `many-${port}`, Name: 'many', Address: '127.0.0.1', Port: port })
    }
  }

  it('has all of many instances over TCP; datagrams leave out what does not fit, without a sign of it', async () => {
    await registerMany(consul)
    const overTcp = discover({ transport: 'tcp' })
    expect(addressesOf(await overTcp.getInstances('many'))).toEqual(ports.map((port) => `127.0.0.1:${port}`))
    expect((await discover().getInstances('many')).length).toBeLessThan(ports.length)
  })

  it('has all of many instances when the agent says what is truncated', async () => {
    const agent = await Consul.start({ configuration: { dns_config: { enable_truncate: true } } })
    await registerMany(agent)
    expect(await discover({ servers: [agent.address] }).getInstances('many')).toHaveLength(ports.length)
    await agent.stop()
  })

  it('has no instances of a service that nobody registered', async () => {
    expect(await discover().getInstances('nobody')).toEqual([])
  })

  it('balances over what is healthy, as it comes and goes', async () => {
    const check = { CheckID: 'live-1', TTL: '60s', Status: 'passing' }
    await consul.register({ ID: 'live-1', Name: 'live', Address: '127.0.0.1', Port: 7001, Check: check })
    const lb = new LoadBalancer({ discovery: discover() })
    await lb.ready('live')
    const picks = (): string[] => [...new Set(Array.from({ length: 8 }, () => lb.pick('live').id))].sort()
    const become = (expected: string[]): Promise<void> =>
      vi.waitFor(() => expect(picks()).toEqual(expected), { timeout: 4_000 })
    expect(picks()).toEqual(['127.0.0.1:7001'])
    await consul.register({ ID: 'live-2', Name: 'live', Address: '127.0.0.1', Port: 7002 })
    await become(['127.0.0.1:7001', '127.0.0.1:7002'])
    await consul.check('live-1', 'fail')
    await become(['127.0.0.1:7002'])
    await consul.check('live-1', 'pass')
    await become(['127.0.0.1:7001', '127.0.0.1:7002'])
    await consul.deregister('live-1')
    await become(['127.0.0.1:7002'])
    await lb.close()
  })
})
