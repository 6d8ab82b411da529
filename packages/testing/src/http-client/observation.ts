import { type CallResult, StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import { FakeClock } from '../fake-clock.ts'
import { get, type HttpClientFixture, post, seen } from './fixture.ts'

/** The ends of calls that `client` emitted. */
function ends(client: HttpClientFixture): CallResult[] {
  return client.events.flatMap((event) => (event.type === 'call-finished' ? [event] : []))
}

/** What observers see of each call, and what the event of its end says. */
export function describeObservation(client: HttpClientFixture): void {
  it('shows an observer a call with a retry: one begin, two attempts, and one end of each', async () => {
    const notes: string[] = []
    client.lb.observe({
      startCall: () => {
        notes.push('call')
        return {
          startAttempt: ({ kind }) => {
            notes.push(kind)
            return { run: (send) => send(), end: ({ ok }) => notes.push(`${kind} ${ok}`) }
          },
          end: ({ result }) => notes.push(result),
        }
      },
    })
    client.backends[0].script = { fault: 'reset' }
    while (client.backends[0].requests.length === 0) await client.expectStatus(200)
    await seen(() => ends(client).some(({ retries }) => retries === 1))
    const end = notes.indexOf('retry true')
    expect(notes.slice(end - 4, end + 2)).toEqual(['call', 'first', 'first false', 'retry', 'retry true', 'ok'])
  })

  it('emits the end of each call once: as many as there were, and as many failures as its caller saw', async () => {
    for (let number = 0; number < 12; number++) {
      client.script(number % 4 === 0 ? { fault: 'reset' } : {})
      await client.send(number % 4 === 0 ? post : get).catch(() => undefined)
    }
    await seen(() => ends(client).length >= 12)
    expect(
      ends(client)
        .map(({ result }) => result)
        .toSorted(),
    ).toEqual([...Array.from({ length: 3 }, () => 'failed'), ...Array.from({ length: 9 }, () => 'ok')])
    await client.expectAllDone(12)
  })

  describeEarlyEnds(client)
  describeBodies(client)
}

/** Calls that get no response. */
function describeEarlyEnds(client: HttpClientFixture): void {
  it('emits one end of a call that its caller gives up: cancelled', async () => {
    client.script({ fault: 'black-hole' })
    const held = await hold(client)
    await held.giveUp()
    await seen(() => ends(client).length > 0)
    expect(ends(client)).toEqual([expect.objectContaining({ result: 'cancelled', attempts: 1 })])
  })

  it('emits one end of a call that is never sent: refused, with the reason', async () => {
    await client.use({ maxInFlight: 1, queue: { maxSize: 0 } })
    client.script({ fault: 'black-hole' })
    const held = await hold(client)
    await expect(client.send(get)).rejects.toThrow()
    const refusedFor = (code: string): unknown =>
      expect.objectContaining({ result: 'refused', attempts: 0, error: expect.objectContaining({ code }) })
    expect(ends(client)).toEqual([refusedFor('LB_OVERLOADED')])
    await held.giveUp()
    await client.use({ discovery: new StaticDiscovery({ 'user-service': [] }) })
    await expect(client.send(get)).rejects.toThrow()
    expect(ends(client)).toEqual([refusedFor('LB_NO_AVAILABLE_INSTANCE')])
  })

  it('emits the end of a call that is in flight when the load balancer is closed, and then closed', async () => {
    let respond = (): void => {}
    client.script({
      raw: (socket) => {
        respond = () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      },
    })
    const answer = client.send(get)
    await seen(() => client.requests === 1)
    await client.lb.close()
    expect(ends(client)).toEqual([
      expect.objectContaining({ result: 'cancelled', error: expect.objectContaining({ code: 'LB_CLOSED' }) }),
    ])
    expect(client.events.at(-1)?.type).toBe('closed')
    respond()
    expect(await answer).toMatchObject({ status: 200 })
  })
}

/** A call is in flight as long as its body comes. */
function describeBodies(client: HttpClientFixture): void {
  it('emits the end of a call when the body of its response has ended', async () => {
    const clock = new FakeClock()
    await client.use({ clock })
    let sendRest = (): void => {}
    client.script({
      raw: (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngo')
        sendRest = () => void socket.write('od')
      },
    })
    const response = client.send(get)
    await seen(() => client.requests === 1)
    await clock.advance(60)
    expect(ends(client)).toEqual([])
    sendRest()
    expect(await response).toMatchObject({ status: 200, body: 'good' })
    await seen(() => ends(client).length > 0)
    const [end] = ends(client)
    expect(ends(client)).toEqual([expect.objectContaining({ result: 'ok', attempts: 1 })])
    expect(end?.inFlightMs).toBeGreaterThanOrEqual(60)
    expect(end?.inFlightMs).toBeGreaterThanOrEqual(end?.durationMs ?? 0)
  })

  it('emits one end of a call whose body breaks off: failed', async () => {
    client.script({ fault: 'reset-in-body', body: 'a body that breaks off' })
    await expect(client.send(post)).rejects.toThrow()
    await seen(() => ends(client).length > 0)
    expect(ends(client)).toEqual([expect.objectContaining({ result: 'failed', attempts: 1 })])
  })
}

/** A request that an instance has read, and does not answer. */
async function hold(client: HttpClientFixture): Promise<{ readonly giveUp: () => Promise<void> }> {
  const controller = new AbortController()
  const failure = expect(client.send({ ...get, signal: controller.signal })).rejects.toThrow()
  await seen(() => client.requests === 1)
  return {
    giveUp: async () => {
      controller.abort()
      await failure
    },
  }
}
