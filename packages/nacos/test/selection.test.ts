import { LoadBalancer } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { FakeNacos, type FakeNacosInstanceInit } from 'test-servers'
import { afterEach, describe, expect, it } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'

let fake: FakeNacos
let lb: LoadBalancer | undefined
afterEach(async () => {
  await lb?.close()
  await fake.stop()
})

const host = (port: number, fields: Partial<FakeNacosInstanceInit> = {}): FakeNacosInstanceInit => ({
  ip: '10.0.0.1',
  port,
  ...fields,
})

/** Whom a load balancer picks in a hundred calls. */
async function picked(
  version: FakeNacos['version'],
  hosts: readonly FakeNacosInstanceInit[],
  protectThreshold = 0,
): Promise<number[]> {
  fake = await FakeNacos.start({ version })
  fake.set('web', hosts, { protectThreshold })
  const clock = new FakeClock()
  lb = new LoadBalancer({ discovery: new NacosDiscovery({ servers: [fake.url], clock }), clock })
  await lb.ready('web')
  const ports = new Set<number>()
  for (let call = 0; call < 100; call++) ports.add(lb.pick('web').port)
  return [...ports].sort((left, right) => left - right)
}

describe.each(['1.4', '2.5', '3.0', '3.2'] as const)('picks (%s)', (version) => {
  it('are never of an instance that is switched off, drained or unhealthy', async () => {
    const hosts = [
      host(1),
      host(2, { enabled: false }),
      host(3, { weight: 0 }),
      host(4, { healthy: false }),
      host(5),
      host(6),
    ]
    expect(await picked(version, hosts)).toEqual([1, 5, 6])
    const states = lb?.inspect('web').instances.map(({ instance, state }) => `${instance.port} ${state}`)
    expect(states).toEqual(['1 available', '3 drained', '4 unhealthy', '5 available', '6 available'])
  })

  it('are of all when so few are healthy that the server protects them, which version 1 of the API shows', async () => {
    const hosts = [host(1), host(2, { healthy: false }), host(3, { healthy: false })]
    expect(await picked(version, hosts, 0.4)).toEqual([1, 2, 3])
    const shown = lb?.inspect('web').instances.map(({ instance }) => instance.metadata['nacos.protected'])
    expect(shown).toEqual(Array(3).fill(version < '3' ? 'true' : undefined))
    expect(lb?.inspect('web').panic).toBeUndefined()
  })

  it('are of all when nobody is healthy and the server protects nobody: the panic of the load balancer', async () => {
    expect(
      await picked(version, [host(1, { healthy: false }), host(2, { healthy: false }), host(3, { weight: 0 })], -1),
    ).toEqual([1, 2])
    expect(lb?.inspect('web').panic).toBeDefined()
  })

  it('follow weights, also fractional ones', async () => {
    await picked(version, [host(1, { weight: 0.5 }), host(2, { weight: 1.5 })])
    const ports = Array.from({ length: 400 }, () => lb?.pick('web').port)
    expect(ports.filter((port) => port === 2)).toHaveLength(300)
  })
})
