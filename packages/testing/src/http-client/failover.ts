import { expect, it } from 'vitest'
import { expectPrompt, get, type HttpClientFixture, post } from './fixture.ts'

/** A request moves on from an instance that fails, where that is safe. */
export function describeFailover(client: HttpClientFixture): void {
  it('moves a GET on when an instance refuses connections, without a failure', async () => {
    await client.backends[0].stop()
    await client.expectStatus(200, get, 12)
    expect(client.backends.map((backend) => backend.requests.length)).toEqual([0, 6, 6])
    await client.expectAllDone(16)
  })

  it('moves a POST on when an instance refuses connections: it was never sent', async () => {
    await client.backends[0].stop()
    await client.expectStatus(200, post, 6)
    expect(client.requests).toBe(6)
  })

  it.each(['reset', 'close', 'reset-in-body'] as const)('moves a GET on after a %s', async (fault) => {
    client.backends[0].script = { fault }
    await client.expectStatus(200, get, 6)
    await client.expectAllDone(6 + client.backends[0].requests.length)
  })

  it('moves a GET on after a 503, and gives the 503 when every instance says so', async () => {
    client.backends[0].script = { status: 503 }
    await client.expectStatus(200, get, 6)
    client.script({ status: 503 })
    await client.expectStatus(503)
    await client.expectAllDone(client.requests)
  })

  it('moves a GET on at the head of a 503 whose body never comes', async () => {
    for (const backend of client.backends.slice(0, 2)) backend.script = { status: 503, fault: 'stall-in-body' }
    await expectPrompt(() => client.expectStatus(200, get, 2))
  })

  it('fails soon when every instance is down, after one attempt on each', async () => {
    await Promise.all(client.backends.map((backend) => backend.stop()))
    await expect(client.send(get)).rejects.toThrow()
    await client.expectAllDone(3)
  })
}
