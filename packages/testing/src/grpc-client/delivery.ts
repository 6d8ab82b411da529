import { StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'

/** Calls arrive at the instances that the balancer picks. */
export function describeGrpcDelivery(fixture: GrpcClientFixture): void {
  it('gives each instance its exact share, and counts each call once', async () => {
    await fixture.connected()
    await fixture.expectIdle()
    const before = fixture.events.filter(({ type }) => type === 'request-finished').length
    expect(await fixture.say(30)).toEqual({ a: 10, b: 10, c: 10 })
    await fixture.expectIdle()
    const finished = fixture.events.filter(({ type }) => type === 'request-finished')
    expect(finished.length - before).toBe(30)
  })

  it('heeds weights, exactly', async () => {
    const [a, b, c] = fixture.servers
    const weighted = [a, b, c].map(({ address }, index) => {
      const [host = '', port = ''] = address.split(':')
      return { host, port: Number(port), weight: index === 1 ? 3 : 1 }
    })
    await fixture.use({ discovery: new StaticDiscovery({ [service]: weighted }) })
    await fixture.connected()
    // A whole cycle of the weights begins anywhere in it.
    expect(await fixture.say(50)).toEqual({ a: 10, b: 30, c: 10 })
  })

  it('passes on text and metadata, and the response', async () => {
    const response = await fixture.client.say({ text: 'grüezi', metadata: { tenant: 't1' }, deadlineMs })
    const [call] = fixture.servers.flatMap(({ calls }) => calls)
    expect(response).toMatch(/^[abc]: grüezi$/)
    expect([call?.text, call?.metadata.tenant]).toEqual(['grüezi', 't1'])
  })

  describeChoices(fixture)
}

function describeChoices(fixture: GrpcClientFixture): void {
  it('sends calls with the same key to the same instance', async () => {
    await fixture.use({ balancer: 'ring-hash' })
    await fixture.connected().catch(() => {})
    const owners = new Set<string>()
    for (let call = 0; call < 20; call++) {
      owners.add((await fixture.client.say({ text: 'hi', metadata: { user: 'u7' }, deadlineMs })).slice(0, 1))
    }
    expect(owners.size).toBe(1)
  })

  it('uses a lower priority only when the first has no instance left', async () => {
    const [a, b] = fixture.servers
    const prioritized = [a, b].map(({ address }, index) => {
      const [host = '', port = ''] = address.split(':')
      return { host, port: Number(port), priority: index }
    })
    await fixture.use({ discovery: new StaticDiscovery({ [service]: prioritized }) })
    expect(await fixture.say(5)).toEqual({ a: 5 })
    a.kill()
    await expect.poll(() => codeOf(fixture.client.say({ text: 'hi', deadlineMs }))).toBe(0)
    expect(await fixture.say(10)).toEqual({ b: 10 })
  })

  it('keeps to the limits of requests in flight, and lets calls wait', async () => {
    for (const server of fixture.servers) server.script = { latencyMs: 20 }
    await fixture.use({ maxInFlight: 2 })
    const most = { inFlight: 0 }
    const calls = Array.from({ length: 8 }, async () => {
      const text = await fixture.client.say({ text: 'hi', deadlineMs })
      most.inFlight = Math.max(most.inFlight, fixture.inFlight)
      return text
    })
    expect(await Promise.all(calls)).toHaveLength(8)
    expect(most.inFlight).toBeLessThanOrEqual(2)
    await fixture.expectIdle()
  })
}
