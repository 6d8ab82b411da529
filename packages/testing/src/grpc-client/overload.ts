import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'

/** What a call is worth decides which calls are served if there is no room for all. */
export function describeGrpcOverload(fixture: GrpcClientFixture): void {
  const refusals = (): string[] => fixture.events.flatMap((each) => (each.type === 'call-refused' ? each.because : []))
  const handled = (): number => fixture.lb.inspect(service).queued + refusals().length

  /**
   * Makes a call for each of these classes while another call has the only place, which it then gives up. What the metadata say is one of
   * them; an empty one is not sent. Gives the calls as they end, with the codes of their statuses.
   */
  const endsOf = async (classes: readonly string[]): Promise<[string, unknown][]> => {
    for (const server of fixture.servers) server.script = { isSilent: true }
    const first = new AbortController()
    const calls = [codeOf(fixture.client.say({ text: 'first', signal: first.signal }))]
    await expect.poll(() => fixture.received).toBe(1)
    for (const server of fixture.servers) server.script = {}
    const ends: [string, unknown][] = []
    for (const each of classes) {
      const before = handled()
      const metadata: Record<string, string> = each === '' ? {} : { 'x-lb-criticality': each }
      const call = codeOf(fixture.client.say({ text: 'hi', metadata, deadlineMs }))
      calls.push(call.then((code) => ends.push([each, code])))
      await expect.poll(handled).toBeGreaterThan(before)
    }
    first.abort()
    await Promise.all(calls)
    return ends
  }

  it('serves the calls that wait by what they are worth, and an unknown class as the default', async () => {
    await fixture.use({ maxInFlight: 1 }, false)
    const ends = await endsOf(['sheddable', '', 'urgent', 'default', 'critical'])
    const served = ['critical', '', 'urgent', 'default', 'sheddable']
    expect(ends).toEqual(served.map((each) => [each, 0]))
    await fixture.expectIdle()
  })

  it('refuses a call for a more critical one if the queue is full', async () => {
    await fixture.use({ maxInFlight: 1, queue: { maxSize: 1 } }, false)
    const ends = await endsOf(['sheddable', 'critical', 'default'])
    expect(Object.fromEntries(ends)).toEqual({ sheddable: 14, default: 14, critical: 0 })
    expect(refusals()).toEqual(['shed', 'queue-full'])
    await fixture.expectIdle()
  })
}
