import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'

/** However a call ends, its instance is reported done exactly once. */
export function describeGrpcEndings(fixture: GrpcClientFixture): void {
  it('counts a stream in flight until it ends', async () => {
    const texts = fixture.client.follow({ text: 'news' })[Symbol.asyncIterator]()
    await texts.next()
    expect(fixture.inFlight).toBe(1)
    for (const server of fixture.servers) server.endStreams()
    expect((await texts.next()).done).toBe(true)
    await fixture.expectIdle()
  })

  it('counts nothing against the instance of a call that was cancelled', async () => {
    for (const server of fixture.servers) server.script = { isSilent: true }
    const controller = new AbortController()
    const call = codeOf(fixture.client.say({ text: 'hi', signal: controller.signal }))
    await expect.poll(() => fixture.received).toBe(1)
    controller.abort()
    await call
    await fixture.expectIdle()
    expect(fixture.lb.inspect(service).instances.map(({ failed }) => failed)).toEqual([0, 0, 0])
    await expect.poll(() => fixture.servers.some(({ calls }) => calls[0]?.isCancelled)).toBe(true)
  })

  it('forgets a call that was cancelled while it waited for room', async () => {
    for (const server of fixture.servers) server.script = { isSilent: true }
    await fixture.use({ maxInFlight: 1 }, false)
    const first = new AbortController()
    const second = new AbortController()
    const calls = [first, second].map(({ signal }) => codeOf(fixture.client.say({ text: 'hi', signal })))
    await expect.poll(() => [fixture.lb.inspect(service).queued, fixture.received]).toEqual([1, 1])
    second.abort()
    await expect.poll(() => fixture.lb.inspect(service).queued).toBe(0)
    first.abort()
    await Promise.all(calls)
    await fixture.expectIdle()
    expect(fixture.received).toBe(1)
  })

  describeRefusals(fixture)
}

/** Calls that are never sent. */
function describeRefusals(fixture: GrpcClientFixture): void {
  it('refuses what is above the limits, without sending it', async () => {
    for (const server of fixture.servers) server.script = { isSilent: true }
    await fixture.use({ maxInFlight: 1, queue: false }, false)
    const controller = new AbortController()
    const first = codeOf(fixture.client.say({ text: 'hi', signal: controller.signal }))
    await expect.poll(() => fixture.received).toBe(1)
    await expect(fixture.client.say({ text: 'hi', deadlineMs })).rejects.toThrow(/user-service: overloaded/)
    controller.abort()
    await first
    expect(fixture.received).toBe(1)
  })

  it('fails with UNAVAILABLE when the load balancer is closed', async () => {
    await fixture.connected()
    await fixture.lb.close()
    const call = fixture.client.say({ text: 'hi', deadlineMs, waitForReady: true })
    await expect(call).rejects.toThrow(/the load balancer was closed/)
    expect(await codeOf(call)).toBe(14)
  })

  it('fails with UNAVAILABLE and says why when the discovery knows no such service', async () => {
    const client = fixture.clientOf('nobody')
    await expect(client.say({ text: 'hi', deadlineMs })).rejects.toThrow(/nobody: no available instance/)
    client.close()
  })
}
