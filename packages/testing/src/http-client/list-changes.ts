import { StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import { expectPrompt, get, type HttpClientFixture, post } from './fixture.ts'

/** Requests follow the list of instances. */
export function describeListChanges(client: HttpClientFixture): void {
  it.each(['GET', 'POST'])(
    'sends a %s to the instances that the registry has by now when all it had refuse',
    async (method) => {
      let list = client.backends.slice(0, 2).map(({ address }) => address)
      await client.use({ discovery: { getInstances: async () => list } })
      await client.lb.ready('user-service')
      await Promise.all(client.backends.slice(0, 2).map((backend) => backend.stop()))
      list = client.backends.slice(2).map(({ address }) => address)
      await expectPrompt(() => client.expectStatus(200, method === 'POST' ? post : get))
      await client.expectAllDone(client.finished.length)
    },
  )

  it('reaches a new instance, and leaves a removed one, without a new client', async () => {
    const [first, second] = client.backends
    const discovery = new StaticDiscovery({ 'user-service': [first.address] })
    await client.use({ discovery })
    await client.send(get)
    discovery.set('user-service', [second.address])
    expect(JSON.parse((await client.send(get)).body).id).toBe('b')
  })

  it('fails when the service has no instances', async () => {
    await expect(client.send({ url: 'http://nobody/' })).rejects.toThrow(/nobody/)
    expect(client.lb.inspect().map(({ service }) => service)).not.toContain('nobody')
  })
}
