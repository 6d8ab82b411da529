import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'
import type { GrpcClientCapabilities } from './harness.ts'

/** Calls follow the list of instances, and what is said of them at run time. */
export function describeGrpcListChanges(
  fixture: GrpcClientFixture,
  { waitForReady = true }: GrpcClientCapabilities,
): void {
  it('gives an instance that is new its share, and one that has left nothing', async () => {
    const [a, b, c] = fixture.addresses
    fixture.discovery.set(service, [a, b])
    await fixture.connected(['a', 'b'])
    fixture.discovery.set(service, [b, c])
    await fixture.connected(['b', 'c'])
    expect(await fixture.say(20)).toEqual({ b: 10, c: 10 })
  })

  it('lets a stream of an instance that has left go on to its end', async () => {
    const [a, b] = fixture.addresses
    fixture.discovery.set(service, [a])
    await fixture.connected(['a'])
    const texts = fixture.client.follow({ text: 'news' })[Symbol.asyncIterator]()
    expect((await texts.next()).value).toBe('a: news')
    fixture.discovery.set(service, [b])
    await fixture.connected(['b'])
    expect(fixture.states).toEqual(expect.arrayContaining(['draining']))
    fixture.servers[0].publish('more')
    expect((await texts.next()).value).toBe('more')
    fixture.servers[0].endStreams()
    expect((await texts.next()).done).toBe(true)
    await fixture.expectIdle()
  })

  describeEmptyLists(fixture, waitForReady)
  describeDrains(fixture)
}

function describeEmptyLists(fixture: GrpcClientFixture, waitForReady: boolean): void {
  it('fails with UNAVAILABLE while the list is empty, and goes on watching', async () => {
    await fixture.use({ emptyGraceMs: 0 })
    await fixture.connected()
    fixture.discovery.set(service, [])
    await expect.poll(() => fixture.lb.inspect(service).instances.length).toBe(0)
    const call = fixture.client.say({ text: 'hi', deadlineMs })
    await expect(call).rejects.toThrow(/user-service: no available instance/)
    expect(await codeOf(call)).toBe(14)
    fixture.discovery.set(service, fixture.addresses)
    await expect.poll(() => codeOf(fixture.client.say({ text: 'hi', deadlineMs }))).toBe(0)
  })

  it('holds a service that the registry does not know, as long as a channel to it is open', async () => {
    const client = fixture.clientOf('later')
    expect(await codeOf(client.say({ text: 'hi', deadlineMs }))).toBe(14)
    expect(fixture.lb.inspect().map(({ service: name }) => name)).toContain('later')
    fixture.discovery.set('later', fixture.addresses)
    await expect.poll(() => codeOf(client.say({ text: 'hi', deadlineMs }))).toBe(0)
    client.close()
  })

  it.runIf(waitForReady)('lets a call wait for a service that has no instance yet', async () => {
    const client = fixture.clientOf('soon')
    const call = client.say({ text: 'hi', deadlineMs, waitForReady: true })
    expect(await codeOf(client.say({ text: 'hi', deadlineMs }))).toBe(14)
    fixture.discovery.set('soon', fixture.addresses)
    expect(await call).toMatch(/^[abc]: hi$/)
    client.close()
  })
}

function describeDrains(fixture: GrpcClientFixture): void {
  it('sends no call to an instance that is drained at run time', async () => {
    await fixture.connected()
    const [first] = fixture.lb.inspect(service).instances
    const control = fixture.lb.control(service)
    control.drain(first?.instance.id ?? '')
    expect(await fixture.say(20)).toEqual({ b: 10, c: 10 })
    control.restore(first?.instance.id ?? '')
    await fixture.connected()
  })

  it('sends no call to an instance that shuts down gracefully', async () => {
    await fixture.use({}, false)
    await fixture.connected()
    const drained = fixture.servers[0].drain()
    const codes = await Promise.all(
      Array.from({ length: 20 }, () => codeOf(fixture.client.say({ text: 'hi', deadlineMs }))),
    )
    expect(new Set(codes)).toEqual(new Set([0]))
    await drained
  })
}
