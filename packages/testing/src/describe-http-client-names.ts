import { LoadBalancer, type LoadBalancerEvent, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpClientHarness } from './describe-http-client.ts'
import { LoopbackBackend } from './loopback-backend.ts'

/** By which URLs a service is reached, whatever its name: the part of `describeHttpClient` about names. */
export function describeServiceNames(harness: HttpClientHarness): void {
  describe('the name of a service', () => {
    let backend: LoopbackBackend
    let lb: LoadBalancer
    let send: ReturnType<HttpClientHarness['create']>
    let events: LoadBalancerEvent[]

    beforeEach(async () => {
      backend = await LoopbackBackend.start({ id: 'a' })
    })

    afterEach(async () => {
      await lb.close()
      await backend.stop()
    })

    /** The registry knows services by these very names. */
    function use(names: readonly string[], services: LoadBalancerOptions['services'] = {}): void {
      const known = Object.fromEntries(names.map((service) => [service, [backend.address]]))
      lb = new LoadBalancer({ discovery: new StaticDiscovery(known), services })
      events = []
      lb.subscribe((event) => events.push(event))
      send = harness.create(lb)
    }

    it.each([
      'http://UserService/x',
      'http://userservice:8080/x',
      'http://Orders_V2/x',
      'http://com.acme.userservice/x',
      'lb://UserService/x',
    ])('may have capitals when it is configured: %s', async (url) => {
      const names = ['UserService', 'Orders_V2', 'com.acme.UserService']
      use(names, Object.fromEntries(names.map((service) => [service, {}])))
      expect((await send({ url })).status).toBe(200)
      expect(backend.requests.map((request) => request.url)).toEqual(['/x'])
    })

    it.each(['lb://user-service/x?y=1', 'lb:user-service/x?y=1', 'lb:///user-service/x?y=1', 'lb://orders.v2/x?y=1'])(
      'stands behind lb: %s',
      async (url) => {
        use(['user-service', 'orders.v2'])
        const response = await send({ url })
        expect(response.status).toBe(200)
        expect(JSON.parse(response.body).url).toBe('/x?y=1')
      },
    )

    it('may be another one in the registry, which is no host', async () => {
      use(['PAY@@orders'], { orders: { nameInRegistry: 'PAY@@orders' } })
      expect((await send({ url: 'http://orders/' })).status).toBe(200)
      const finished = events.flatMap((event) => (event.type === 'request-finished' ? event.service : []))
      expect(finished).toEqual(['orders'])
    })

    it('with a port names a server, which one event says', async () => {
      use(['localhost'])
      await lb.ready('localhost')
      const { port } = new URL(backend.url)
      for (let number = 0; number < 3; number++) await send({ url: `http://localhost:${port}/` })
      expect(backend.requests).toHaveLength(3)
      expect(events.filter(({ type }) => type === 'service-bypassed')).toEqual([
        { type: 'service-bypassed', service: 'localhost', authority: `localhost:${port}` },
      ])
    })
  })
}
