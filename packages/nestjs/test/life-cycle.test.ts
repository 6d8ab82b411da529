import { DiscoveryError, LoadBalancer, LoadBalancerClosedError, type LoadBalancerOptions } from '@lb/core'
import { FakeClock, FakeDiscovery, LoopbackBackend, settlePromises } from '@lb/testing'
import { Test } from '@nestjs/testing'
import type { AxiosInstance } from 'axios'
import { describe, expect, it } from 'vitest'
import { getLoadBalancerToken, getServiceClientToken, LoadBalancerModule } from '../src/index.ts'
import { application, LogLines } from './application.ts'

const services = { 'user-service': {} }
const down = new Error('registry is down')

/** An application that is compiled and not started yet. */
async function compiled(options: LoadBalancerOptions & { requireReady?: boolean; drainTimeoutMs?: number }) {
  const log = new LogLines()
  const imports = [LoadBalancerModule.forRoot(options), LoadBalancerModule.forFeature('user-service')]
  const module = await Test.createTestingModule({ imports }).setLogger(log).compile()
  return {
    module,
    log,
    lb: module.get(LoadBalancer),
    client: module.get<AxiosInstance>(getServiceClientToken('user-service')),
  }
}

describe('at the start', () => {
  it('the registry is not asked before the application is initialised', async () => {
    const discovery = new FakeDiscovery(['127.0.0.1:1'])
    const { module, lb } = await compiled({ discovery, services })
    expect(discovery.asked).toBe(0)
    await module.init()
    expect(lb.pick('user-service').port).toBe(1)
    await module.close()
  })

  it('the first list is waited for', async () => {
    const discovery = new FakeDiscovery('wait')
    const { module, lb } = await compiled({ discovery, services })
    let started = false
    const starting = module.init().then(() => {
      started = true
    })
    await settlePromises()
    expect(started).toBe(false)
    discovery.release(['127.0.0.1:1'])
    await starting
    expect(lb.pick('user-service').port).toBe(1)
    await module.close()
  })

  it('so is that of a service that only a client uses', async () => {
    const discovery = new FakeDiscovery(['127.0.0.1:1'])
    const { module, lb } = await compiled({ discovery })
    await module.init()
    expect(lb.pick('user-service').port).toBe(1)
    await module.close()
  })

  it('a silent registry delays it by firstListTimeoutMs and no more', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery('wait')
    const { module, log } = await compiled({ discovery, services, clock, firstListTimeoutMs: 300 })
    let started = false
    const starting = module.init().then(() => {
      started = true
    })
    await clock.advance(299)
    expect(started).toBe(false)
    await clock.advance(1)
    await starting
    expect(log.lines).toHaveLength(1)
    expect(log.lines[0]).toMatch(/^warn user-service: .*The application starts without it$/)
    await module.close()
  })

  it('a registry that is down does not keep it from starting, and the list is used when it comes', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery(down)
    const { module, lb } = await compiled({ discovery, services, clock, firstListTimeoutMs: 300 })
    const starting = module.init()
    await clock.advance(300)
    await starting
    discovery.answer = ['127.0.0.1:1']
    await clock.advance(60_000)
    expect(lb.pick('user-service').port).toBe(1)
    await module.close()
  })

  it('an empty list is worth a warning', async () => {
    const { module, log } = await compiled({ discovery: new FakeDiscovery([]), services })
    await module.init()
    expect(log.lines).toEqual(['warn user-service: the list of instances is empty'])
    await module.close()
  })

  it('with requireReady the application does not start, and the load balancer is closed', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery(down)
    const { module, lb } = await compiled({ discovery, services, clock, firstListTimeoutMs: 300, requireReady: true })
    const starting = module.init().catch((error: unknown) => error)
    await clock.advance(300)
    const error = await starting
    expect(error).toBeInstanceOf(DiscoveryError)
    expect(String(error)).toContain(
      'LoadBalancerModule.forRoot(): the application needs every first list (requireReady), but user-service: ',
    )
    expect(discovery.closed).toBe(true)
    expect(() => lb.pick('user-service')).toThrow(LoadBalancerClosedError)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('at the end', () => {
  it('the load balancer and its discovery are closed', async () => {
    const discovery = new FakeDiscovery(['127.0.0.1:1'])
    const clock = new FakeClock()
    const { module, lb } = await compiled({ discovery, services, clock })
    await module.init()
    await module.close()
    expect(discovery.closed).toBe(true)
    expect(() => lb.pick('user-service')).toThrow(LoadBalancerClosedError)
    expect(clock.pendingTimers).toBe(0)
  })

  it('every one of several is closed', async () => {
    const discoveries = [new FakeDiscovery([]), new FakeDiscovery([])] as const
    const module = await application({
      imports: [
        LoadBalancerModule.forRoot({ discovery: discoveries[0] }),
        LoadBalancerModule.forRoot({ discovery: discoveries[1], name: 'partner' }),
      ],
    })
    await module.close()
    expect(discoveries.map(({ closed }) => closed)).toEqual([true, true])
  })

  it('an application that was never initialised is closed too', async () => {
    const discovery = new FakeDiscovery([])
    const { module } = await compiled({ discovery, services })
    await module.close()
    expect(discovery.closed).toBe(true)
  })

  it('a discovery that cannot be closed is logged, and the shutdown goes on', async () => {
    class Stubborn extends FakeDiscovery {
      override close(): never {
        throw new Error('still busy')
      }
    }
    const { module, log } = await compiled({ discovery: new Stubborn(['127.0.0.1:1']), services })
    await module.init()
    await module.close()
    expect(log.lines).toEqual(['error a discovery could not be closed: Error: still busy'])
  })

  it('a discovery is closed with the last application that uses it', async () => {
    const discovery = new FakeDiscovery(['127.0.0.1:1'])
    const [before, after] = [await compiled({ discovery, services }), await compiled({ discovery, services })]
    await before.module.init()
    await after.module.init()
    await before.module.close()
    expect([discovery.closed, after.lb.pick('user-service').id]).toEqual([false, '127.0.0.1:1'])
    await after.module.close()
    expect(discovery.closed).toBe(true)
  })

  it('a call that waits for its retry ends first', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery(['127.0.0.1:1', '127.0.0.1:2'])
    const retry = { backoffBaseMs: 200 }
    const { module, lb } = await compiled({ discovery, services, clock, retry, random: () => 0.9 })
    await module.init()
    const call = lb.execute('user-service', (_instance, { number }) => {
      if (number === 1) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      return 'value'
    })
    await settlePromises()
    expect(lb.inspect('user-service').inFlight).toBe(0)
    const closing = module.close()
    await clock.advance(1_000)
    expect(await call).toBe('value')
    await closing
    expect([discovery.closed, clock.pendingTimers]).toEqual([true, 0])
  })

  it('requests in flight end first', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery(['127.0.0.1:1'])
    const { module, lb, log } = await compiled({ discovery, services, clock })
    await module.init()
    const [first, second] = [await lb.acquire('user-service'), await lb.acquire('user-service')]
    const closing = module.close()
    first.done({ ok: true, latencyMs: 1 })
    await settlePromises()
    expect(discovery.closed).toBe(false)
    second.done({ ok: true, latencyMs: 1 })
    await closing
    expect(discovery.closed).toBe(true)
    expect(log.lines).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  it('requests that take longer than drainTimeoutMs do not hold it up', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery(['127.0.0.1:1'])
    const { module, lb, log } = await compiled({ discovery, services, clock, drainTimeoutMs: 2_000 })
    await module.init()
    await lb.acquire('user-service')
    const closing = module.close()
    await clock.advance(1_999)
    expect(discovery.closed).toBe(false)
    await clock.advance(1)
    await closing
    expect(log.lines).toEqual(['warn 1 request in flight after 2000 ms: the shutdown goes on'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('with drainTimeoutMs 0 nothing is waited for', async () => {
    const { module, lb } = await compiled({
      discovery: new FakeDiscovery(['127.0.0.1:1']),
      services,
      drainTimeoutMs: 0,
    })
    await module.init()
    await lb.acquire('user-service')
    await module.close()
    expect(() => lb.pick('user-service')).toThrow(LoadBalancerClosedError)
  })

  it('a call under way gets its answer, and no socket is left', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length
    const before = sockets()
    const backend = await LoopbackBackend.start({ script: { latencyMs: 50 } })
    const { module, lb, client } = await compiled({ discovery: new FakeDiscovery([backend.address]), healthCheck: {} })
    await module.init()
    const answer = client.get('/v1/profile')
    await expect.poll(() => lb.inspect('user-service').inFlight).toBe(1)
    await module.close()
    expect((await answer).status).toBe(200)
    await backend.stop()
    // Sockets are told to close, and do so in the next turns of the event loop.
    await expect.poll(sockets).toBe(before)
  })
})

describe('a load balancer that a test put in its place', () => {
  it('is the test’s to close, and the module’s own is never made', async () => {
    const own = new FakeDiscovery([])
    const lb = new LoadBalancer({ discovery: new FakeDiscovery(['127.0.0.1:1']) })
    const module = await application(
      { imports: [LoadBalancerModule.forRoot({ discovery: own, services })] },
      { override: (builder) => builder.overrideProvider(getLoadBalancerToken()).useValue(lb) },
    )
    await module.close()
    await lb.ready('user-service')
    expect(lb.pick('user-service').port).toBe(1)
    expect(own.asked).toBe(0)
    await lb.close()
  })
})
