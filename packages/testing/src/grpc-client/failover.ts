import { StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'

/** A call moves on from an instance that fails, where that is safe. */
export function describeGrpcFailover(fixture: GrpcClientFixture): void {
  it('fails no idempotent call when an instance is killed under load', async () => {
    await fixture.use({})
    await fixture.connected()
    for (const server of fixture.servers) server.script = { latencyMs: 20 }
    const before = fixture.servers[0].calls.length
    const calls = Array.from({ length: 100 }, () => fixture.client.say({ text: 'hi', deadlineMs }))
    await expect.poll(() => fixture.servers[0].calls.length, { interval: 1 }).toBeGreaterThan(before)
    fixture.servers[0].kill()
    const failed = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected')
    expect(failed).toEqual([])
    await fixture.expectIdle()
  })

  it('passes over an instance that refuses connections, also for calls that are not idempotent', async () => {
    fixture.servers[0].kill()
    await fixture.use({}, false)
    expect(Object.keys(await fixture.say(12)).toSorted()).toEqual(['b', 'c'])
    expect(fixture.received).toBe(12)
  })

  it('repeats no call that is not idempotent, once it was sent', async () => {
    fixture.servers[0].script = { code: 14 }
    await fixture.use({}, false)
    await fixture.connected(['b', 'c'])
    const before = fixture.received
    const codes = new Set<unknown>()
    for (let call = 0; call < 6; call++) codes.add(await codeOf(fixture.client.say({ text: 'hi', deadlineMs })))
    expect([codes.has(14), fixture.received - before]).toEqual([true, 6])
  })

  it('repeats an idempotent call elsewhere after UNAVAILABLE, and ejects the instance', async () => {
    fixture.servers[0].script = { code: 14 }
    await fixture.use({})
    expect(Object.keys(await fixture.say(30)).toSorted()).toEqual(['b', 'c'])
    expect(fixture.states).toContain('ejected')
  })

  describeOutages(fixture)
}

function describeOutages(fixture: GrpcClientFixture): void {
  it('moves an idempotent call on from an instance that never responds', async () => {
    fixture.servers[0].script = { isSilent: true }
    await fixture.use({})
    expect(await Promise.all(Array.from({ length: 6 }, () => fixture.say(1)))).toHaveLength(6)
    await fixture.expectIdle()
  })

  // One of the three is ejected, mostly. Whichever returns, calls work again.
  it.each([0, 1, 2] as const)(
    'fails soon when every instance is down, and works as soon as one is back: %i',
    async (back) => {
      await fixture.use({})
      await fixture.connected()
      for (const server of fixture.servers) server.kill()
      const failed = await Promise.allSettled(
        Array.from({ length: 5 }, () => fixture.client.say({ text: 'hi', deadlineMs: 5_000 })),
      )
      expect(failed.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'rejected'))
      await fixture.servers[back].restart()
      await expect.poll(() => codeOf(fixture.client.say({ text: 'hi', deadlineMs }))).toBe(0)
      await fixture.expectIdle()
    },
  )

  it('multiplies no attempts in an outage', async () => {
    for (const server of fixture.servers) server.kill()
    await fixture.use({})
    for (let call = 0; call < 200; call++) await codeOf(fixture.client.say({ text: 'hi', deadlineMs }))
    const attempts = fixture.events.filter(({ type }) => type === 'request-finished').length
    expect(attempts).toBeLessThan(250)
    await fixture.expectIdle()
  })

  it('names the reason when no instance can be reached', async () => {
    const [a] = fixture.servers
    a.kill()
    await fixture.use({ discovery: new StaticDiscovery({ [service]: [a.address] }) })
    const call = fixture.client.say({ text: 'hi', deadlineMs })
    await expect(call).rejects.toThrow(/user-service: .*ECONNREFUSED/)
    expect(await codeOf(call)).toBe(14)
  })
}
