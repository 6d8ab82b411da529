import type { CallResult } from '@lb/core'
import { expect, it } from 'vitest'
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
}
