import { expect, it } from 'vitest'
import { FakeClock } from '../fake-clock.ts'
import { expectPrompt, get, type HttpClientFixture, seen } from './fixture.ts'
import type { HttpClientCapabilities } from './harness.ts'

/** A request ends when the caller, a time limit or the load balancer ends it. */
export function describeEndings(client: HttpClientFixture, { timeout = true }: HttpClientCapabilities): void {
  it('ends at once when the caller aborts, and reports the attempt done', async () => {
    client.script({ fault: 'black-hole' })
    const controller = new AbortController()
    const failure = expect(client.send({ ...get, signal: controller.signal })).rejects.toThrow()
    await seen(() => client.requests === 1)
    controller.abort()
    await expectPrompt(() => failure)
    await client.expectAllDone(1)
  })

  it('gives the 503 it has when the load balancer is closed before the retry', async () => {
    await client.use({ retry: { backoffBaseMs: 4_000, backoffMaxMs: 4_000 }, random: () => 0.99 })
    client.script({ status: 503, body: 'try again' })
    const answer = client.send(get)
    await seen(() => client.finished.length === 1)
    await client.lb.close()
    expect(await answer).toEqual({ status: 503, body: 'try again' })
    expect(client.requests).toBe(1)
  })

  it('lets requests end with drainMs, and refuses those that come then', async () => {
    client.script({ latencyMs: 100, body: 'good' })
    const answer = client.send(get)
    await seen(() => client.requests === 1)
    const closed = client.lb.close({ drainMs: 10_000 })
    await expect(client.send(get)).rejects.toThrow()
    expect(await answer).toMatchObject({ status: 200, body: 'good' })
    await expectPrompt(() => closed)
    expect(client.requests).toBe(1)
  })

  if (timeout) describeTimeLimits(client)
}

function describeTimeLimits(client: HttpClientFixture): void {
  it('ends at its time limit when nobody answers, and reports the attempt done', async () => {
    client.script({ fault: 'black-hole' })
    await expectPrompt(() => expect(client.send({ ...get, timeoutMs: 100 })).rejects.toThrow())
    await client.expectAllDone(1)
  })

  it('makes no further attempt after its time limit, also where no time has passed for lb, as when the process stood', async () => {
    await client.use({ clock: new FakeClock(), retry: { backoffBaseMs: 0 } })
    client.script({ fault: 'black-hole' })
    await expectPrompt(() => expect(client.send({ ...get, timeoutMs: 100 })).rejects.toThrow())
    await client.expectAllDone(1)
  })

  it('moves on within the time limit when an attempt takes too long', async () => {
    // Long enough for an attempt at an instance that answers, also where the machine is busy.
    await client.use({ retry: { backoffBaseMs: 1, attemptTimeoutMs: 500 } })
    client.backends[0].script = { fault: 'black-hole' }
    await client.expectStatus(200, { ...get, timeoutMs: 10_000 }, 3)
    await client.expectAllDone(4)
  })
}
