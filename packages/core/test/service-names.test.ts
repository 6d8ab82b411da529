import { FakeClock, FakeDiscovery, settlePromises } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { LoadBalancer, type LoadBalancerEvent, type ServiceDiscovery } from '../src/index.ts'

/** A registry that is exact about names. */
function registryOf(name: string): ServiceDiscovery {
  return { getInstances: async (service) => (service === name ? ['10.0.0.1:80'] : []) }
}

describe('a name that is no host', () => {
  it.each(['PAY@@orders', 'orders/eu', 'Web One', 'team:orders', '..'])('%s works everywhere', async (name) => {
    const discovery = registryOf(name)
    const lb = new LoadBalancer({ discovery, clock: new FakeClock() })
    await lb.ready(name)
    expect(lb.pick(name).id).toBe('10.0.0.1:80')
    const { instance, done } = await lb.acquire(name)
    done({ ok: true, latencyMs: 1 })
    expect(instance.id).toBe('10.0.0.1:80')
    expect(await lb.execute(name, async ({ id }) => id)).toBe('10.0.0.1:80')
    await lb.close()
    const configured = new LoadBalancer({ discovery, services: { [name]: {} }, clock: new FakeClock() })
    await configured.ready(name)
    await configured.close()
  })
})

describe('nameInRegistry', () => {
  it.each([true, false])('is what the discovery is asked for (watch: %s)', async (watches) => {
    const asked: string[] = []
    const discovery: ServiceDiscovery = {
      getInstances: async (service) => {
        asked.push(service)
        return ['10.0.0.1:80']
      },
      ...(watches && {
        watch: (service: string, observer: Parameters<NonNullable<ServiceDiscovery['watch']>>[1]) => {
          asked.push(service)
          observer.next(['10.0.0.1:80'])
          return { close: () => {} }
        },
      }),
    }
    const services = { orders: { nameInRegistry: 'PAY@@orders' } }
    const lb = new LoadBalancer({ discovery, services, clock: new FakeClock() })
    await lb.ready('orders')
    expect(lb.pick('orders').id).toBe('10.0.0.1:80')
    expect(lb.inspect('orders').service).toBe('orders')
    expect(lb.serviceOf({ scheme: 'http', host: 'orders' })).toBe('orders')
    expect(asked).toEqual(['PAY@@orders'])
    await lb.close()
  })

  it('leaves errors with the name of the service', async () => {
    const discovery = new FakeDiscovery(new Error('down'))
    const services = { orders: { nameInRegistry: 'PAY@@orders', firstListTimeoutMs: 0 } }
    const clock = new FakeClock()
    const lb = new LoadBalancer({ discovery, services, clock })
    const refused = expect(lb.ready('orders')).rejects.toThrow(/^orders: /)
    await clock.advance(1)
    await refused
    await lb.close()
  })

  it.each(['', 'a\n', 5])('is refused when it is %j', (nameInRegistry) => {
    const services = { orders: { nameInRegistry: nameInRegistry as string } }
    expect(() => new LoadBalancer({ discovery: new FakeDiscovery(), services })).toThrow(
      expect.objectContaining({ option: 'LoadBalancer.services.orders.nameInRegistry' }),
    )
  })

  it('belongs to one service', () => {
    const options = { discovery: new FakeDiscovery(), nameInRegistry: 'x' }
    expect(() => new LoadBalancer(options)).toThrow(/nameInRegistry is not a known option/)
  })
})

describe('a URL with a port', () => {
  async function known(): Promise<{ lb: LoadBalancer; bypassed: () => LoadBalancerEvent[] }> {
    const lb = new LoadBalancer({ discovery: registryOf('users'), clock: new FakeClock() })
    const events: LoadBalancerEvent[] = []
    lb.subscribe((event) => events.push(event))
    await lb.ready('users')
    return { lb, bypassed: () => events.filter(({ type }) => type === 'service-bypassed') }
  }

  it('is a server, and one event says that a known service has the name', async () => {
    const { lb, bypassed } = await known()
    for (let call = 0; call < 3; call++) {
      expect(lb.serviceOf({ scheme: 'http', host: 'users', port: '8080' })).toBeUndefined()
    }
    expect(bypassed()).toEqual([{ type: 'service-bypassed', service: 'users', authority: 'users:8080' }])
    await lb.close()
  })

  it('leaves nothing behind when the service is not known', async () => {
    const { lb, bypassed } = await known()
    expect(lb.serviceOf({ scheme: 'http', host: 'redis', port: '6379' })).toBeUndefined()
    await settlePromises()
    expect(bypassed()).toEqual([])
    expect(lb.inspect().map(({ service }) => service)).toEqual(['users'])
    await lb.close()
  })
})
