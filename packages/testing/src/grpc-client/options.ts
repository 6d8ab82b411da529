import { type BalancerName, type LoadBalancerOptions, type ServiceInstanceInit, StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'

const balancers: readonly BalancerName[] = [
  'round-robin',
  'smooth-weighted-round-robin',
  'grouped',
  'random',
  'least-request',
  'peak-ewma',
  'ring-hash',
  'maglev',
]

/** Options of a service hold for gRPC as they do over HTTP. */
export function describeGrpcOptions(fixture: GrpcClientFixture): void {
  /** Uses the three servers as instances with these fields. */
  const use = (
    fields: readonly Partial<ServiceInstanceInit & object>[],
    options: Partial<LoadBalancerOptions> = {},
  ) => {
    const instances = fixture.servers.map(({ address }, index) => {
      const [host = '', port = ''] = address.split(':')
      return { host, port: Number(port), ...fields[index] }
    })
    return fixture.use({ discovery: new StaticDiscovery({ [service]: instances }), ...options })
  }

  it.each(balancers)('works with the balancer %s', async (balancer) => {
    await fixture.use({ balancer })
    const calls = await Promise.all(
      Array.from({ length: 30 }, () => codeOf(fixture.client.say({ text: 'hi', deadlineMs }))),
    )
    expect(new Set(calls)).toEqual(new Set([0]))
    await fixture.expectIdle()
  })

  it('prefers the instances of its own zone', async () => {
    await use([{ zone: 'z1' }, { zone: 'z2' }, { zone: 'z2' }], { zone: { local: 'z1', minInstances: 1 } })
    await fixture.connected(['a'])
    expect(await fixture.say(20)).toEqual({ a: 20 })
  })

  it('sends nothing to an instance of weight 0', async () => {
    await use([{ weight: 0 }, {}, {}])
    await fixture.connected(['b', 'c'])
    expect(await fixture.say(20)).toEqual({ b: 10, c: 10 })
  })

  it('sends calls to the instances of its subset alone', async () => {
    await use([], { subset: { size: 1, index: 0, clients: 3 } })
    expect(Object.values(await fixture.say(12))).toEqual([12])
  })

  describeLimits(fixture)
}

function describeLimits(fixture: GrpcClientFixture): void {
  it('keeps to the limit of requests in flight of each instance', async () => {
    for (const server of fixture.servers) server.script = { latencyMs: 20 }
    await fixture.use({ maxInFlightPerInstance: 1 })
    let most = 0
    const calls = Array.from({ length: 12 }, async () => {
      const text = await fixture.client.say({ text: 'hi', deadlineMs })
      most = Math.max(most, ...fixture.lb.inspect(service).instances.map(({ inFlight }) => inFlight))
      return text
    })
    expect(await Promise.all(calls)).toHaveLength(12)
    expect(most).toBeLessThanOrEqual(1)
    await fixture.expectIdle()
  })

  it('lets a stream of an instance that is drained at run time go on to its end', async () => {
    const texts = fixture.client.follow({ text: 'news' })[Symbol.asyncIterator]()
    const id = String((await texts.next()).value).slice(0, 1)
    const index = ['a', 'b', 'c'].indexOf(id)
    fixture.lb.control(service).drain(fixture.addresses[index] ?? '')
    expect(await fixture.say(6)).not.toHaveProperty(id)
    fixture.servers[index]?.publish('more')
    expect((await texts.next()).value).toBe('more')
    fixture.servers[index]?.endStreams()
    expect((await texts.next()).done).toBe(true)
    await fixture.expectIdle()
  })
}
