import { type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { describe, expect, it } from 'vitest'
import type { HttpClientFixture } from './fixture.ts'

/** By which URLs a service is reached, whatever its name. */
export function describeServiceNames(client: HttpClientFixture): void {
  /** The registry knows services by these very names. */
  async function use(names: readonly string[], services: LoadBalancerOptions['services'] = {}): Promise<void> {
    const known = Object.fromEntries(names.map((service) => [service, [client.backends[0].address]]))
    await client.use({ discovery: new StaticDiscovery(known), services })
  }

  describe('the name of a service', () => {
    it.each([
      'http://UserService/x',
      'http://userservice:8080/x',
      'http://Orders_V2/x',
      'http://com.acme.userservice/x',
      'lb://UserService/x',
    ])('may have capitals when it is configured: %s', async (url) => {
      const names = ['UserService', 'Orders_V2', 'com.acme.UserService']
      await use(names, Object.fromEntries(names.map((service) => [service, {}])))
      await client.expectStatus(200, { url })
      expect(client.backends[0].requests.map((request) => request.url)).toEqual(['/x'])
    })

    it.each(['lb://user-service/x?y=1', 'lb:user-service/x?y=1', 'lb:///user-service/x?y=1', 'lb://orders.v2/x?y=1'])(
      'stands behind lb: %s',
      async (url) => {
        await use(['user-service', 'orders.v2'])
        const response = await client.send({ url })
        expect(response.status).toBe(200)
        expect(JSON.parse(response.body).url).toBe('/x?y=1')
      },
    )

    it('may be another one in the registry, which is no host', async () => {
      await use(['PAY@@orders'], { orders: { nameInRegistry: 'PAY@@orders' } })
      await client.expectStatus(200, { url: 'http://orders/' })
      expect(client.finished).toEqual([expect.objectContaining({ service: 'orders' })])
    })

    it('with a port names a server, which one event says', async () => {
      await use(['localhost'])
      await client.lb.ready('localhost')
      const { port } = client.backends[0]
      await client.expectStatus(200, { url: `http://localhost:${port}/` }, 3)
      expect(client.requests).toBe(3)
      expect(client.events.filter(({ type }) => type === 'service-bypassed')).toEqual([
        { type: 'service-bypassed', service: 'localhost', authority: `localhost:${port}` },
      ])
    })
  })
}
