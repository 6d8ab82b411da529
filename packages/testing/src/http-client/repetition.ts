import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { expectPrompt, get, type HttpClientFixture, post } from './fixture.ts'
import type { HttpClientCapabilities } from './harness.ts'

/** What is sent a second time, and what is not. */
export function describeRepetition(client: HttpClientFixture, { streams = true }: HttpClientCapabilities): void {
  it('never repeats a POST that may have been executed', async () => {
    client.script({ fault: 'reset' })
    await expect(client.send(post)).rejects.toThrow()
    expect(client.requests).toBe(1)
    await client.expectAllDone(1)
  })

  it('repeats a POST with an Idempotency-Key', async () => {
    client.backends[0].script = { fault: 'reset' }
    for (let number = 0; number < 3; number++) {
      await client.expectStatus(200, { ...post, headers: { 'idempotency-key': String(number) } })
    }
    expect(client.requests).toBe(4)
  })

  if (streams) {
    it('sends a stream once, and does not repeat it', async () => {
      client.script({ status: 503 })
      await client.expectStatus(503, { ...get, method: 'PUT', body: Readable.from(['one ', 'two']) })
      expect(client.backends.flatMap((backend) => backend.requests.map((request) => request.body))).toEqual(['one two'])
      await client.expectAllDone(1)
    })
  }

  describe('with one instance', () => describeRepetitionAtOne(client))
}

function describeRepetitionAtOne(client: HttpClientFixture): void {
  it('does not go back to it after an attempt timed out', async () => {
    const only = await client.useFirst({ retry: { backoffBaseMs: 1, attemptTimeoutMs: 50 } })
    only.script = { fault: 'black-hole' }
    await expect(client.send(get)).rejects.toThrow()
    await client.expectAllDone(1)
  })

  it('makes a new connection to it when a reused one breaks under a GET', async () => {
    const only = await client.useFirst()
    await client.expectStatus(200)
    only.script = (_request, number) => (number === 2 ? { fault: 'reset' } : {})
    await client.expectStatus(200)
    await client.expectAllDone(3)
  })

  it('hands a Retry-After on that is more than a few seconds', async () => {
    const only = await client.useFirst()
    only.script = { status: 503, headers: { 'retry-after': '20' } }
    await expectPrompt(() => client.expectStatus(503))
    await client.expectAllDone(1)
  })
}
