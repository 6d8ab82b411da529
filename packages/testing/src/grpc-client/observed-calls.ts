import type { LoadBalancerEvent } from '@lb/core'
import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'

type CallFinished = Extract<LoadBalancerEvent, { type: 'call-finished' }>

/** What is emitted of a call: one call, whatever becomes of its attempts. */
export function describeGrpcObservedCalls(fixture: GrpcClientFixture): void {
  const finished = async (calls = 1): Promise<CallFinished[]> => {
    const found = (): CallFinished[] => fixture.events.filter((event) => event.type === 'call-finished')
    await expect.poll(() => found().length).toBe(calls)
    return found()
  }

  it('emits one call of a call that moved on, with its attempts', async () => {
    fixture.servers[0].script = { code: 14 }
    await fixture.use({})
    await fixture.say(30)
    const calls = await finished(30)
    const moved = calls.filter(({ attempts }) => attempts > 1)
    expect(moved.length).toBeGreaterThan(0)
    for (const each of calls) expect(each).toMatchObject({ result: 'ok', hedges: 0, retries: each.attempts - 1 })
    const attempts = fixture.events.filter(({ type }) => type === 'request-finished')
    for (const { call, attempts: expected } of calls) {
      expect(attempts.filter((each) => 'call' in each && each.call === call)).toHaveLength(expected)
    }
  })

  it('emits the second try of a call as its retry', async () => {
    fixture.servers[0].script = { isSilent: true }
    fixture.servers[1].script = { isSilent: true }
    await fixture.use({})
    await fixture.say(1)
    const [call] = await finished()
    expect(call).toMatchObject({ result: 'ok', hedges: 0 })
    expect(call?.retries).toBe((call?.attempts ?? 0) - 1)
    expect(call?.inFlightMs).toBeGreaterThanOrEqual(call?.durationMs ?? Number.NaN)
  })

  it.each([
    ['NOT_FOUND', 5, 'ok', undefined],
    ['INTERNAL', 13, 'failed', 'INTERNAL'],
  ] as const)('says how a call ended: %s', async (_name, code, result, name) => {
    for (const server of fixture.servers) server.script = { code }
    await fixture.use({}, false)
    await codeOf(fixture.client.say({ text: 'hi', deadlineMs }))
    const [call] = await finished()
    expect(call).toMatchObject({ service, result, attempts: 1, retries: 0 })
    if (name !== undefined) expect(call?.error).toMatchObject({ name, code })
  })

  describeOthers(fixture, finished)
}

function describeOthers(fixture: GrpcClientFixture, finished: (calls?: number) => Promise<CallFinished[]>): void {
  it('emits a call whose deadline passes as failed, and one that is cancelled as cancelled', async () => {
    await fixture.use({}, false)
    // No deadline is to pass while a connection is established.
    await fixture.connected()
    const before = fixture.received
    fixture.events.length = 0
    for (const server of fixture.servers) server.script = { isSilent: true }
    await codeOf(fixture.client.say({ text: 'hi', deadlineMs: 250 }))
    expect(await finished()).toMatchObject([{ result: 'failed', attempts: 1, error: { code: 4 } }])
    const controller = new AbortController()
    const cancelled = codeOf(fixture.client.say({ text: 'hi', signal: controller.signal }))
    await expect.poll(() => fixture.received).toBe(before + 2)
    controller.abort()
    await cancelled
    expect(await finished(2)).toMatchObject([{}, { result: 'cancelled', attempts: 1 }])
  })

  it('emits a call that is never sent as refused, with the error of lb', async () => {
    const client = fixture.clientOf('nobody')
    await codeOf(client.say({ text: 'hi', deadlineMs }))
    const [call] = await finished()
    expect(call).toMatchObject({
      service: 'nobody',
      result: 'refused',
      attempts: 0,
      error: { code: 'LB_NO_AVAILABLE_INSTANCE' },
    })
    client.close()
  })

  it('emits the end of a stream when it ends, and counts its duration to the first message', async () => {
    const texts = fixture.client.follow({ text: 'news' })[Symbol.asyncIterator]()
    await texts.next()
    expect(fixture.events.filter(({ type }) => type === 'call-finished')).toEqual([])
    for (const server of fixture.servers) server.endStreams()
    await texts.next()
    const [call] = await finished()
    expect(call).toMatchObject({ result: 'ok', attempts: 1 })
    expect(call?.durationMs).toBeLessThan(call?.inFlightMs ?? 0)
  })
}
