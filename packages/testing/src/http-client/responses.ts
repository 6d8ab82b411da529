import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { expectPrompt, get, type HttpClientFixture, post } from './fixture.ts'

const good = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'

/** The caller gets the response of the instance, whatever it is and whatever comes before it. */
export function describeResponses(client: HttpClientFixture): void {
  it('gives a 404 as it is', async () => {
    client.script({ status: 404 })
    await client.expectStatus(404)
    await client.expectAllDone(1)
  })

  it.each([404, 401, 409, 422])(
    'sends a request once that is answered with %d, and blames no instance',
    async (status) => {
      client.script({ status })
      await client.expectStatus(status, get, 30)
      await client.expectAllDone(30)
      expect(client.requests).toBe(30)
      const { instances } = client.lb.inspect('user-service')
      expect(instances.map(({ state }) => state)).toEqual(Array(3).fill('available'))
    },
  )

  it.each([204, 304])('takes a %d for a response without a body, whatever length its header says', async (status) => {
    client.script({ raw: `HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n` })
    for (const init of [get, post]) expect(await client.send(init)).toMatchObject({ status, body: '' })
    expect(client.requests).toBe(2)
    await client.expectAllDone(2)
    expect(client.finished.map((event) => event.type === 'request-finished' && event.outcome.ok)).toEqual([true, true])
  })

  describeInterimResponses(client)
  describeManyFields(client)
}

function describeInterimResponses(client: HttpClientFixture): void {
  it.each(['102 Processing', '103 Early Hints'])('takes a %s for no answer', async (interim) => {
    client.script({ raw: `HTTP/1.1 ${interim}\r\n\r\n${good}` })
    expect(await client.send(get)).toMatchObject({ status: 200, body: 'good' })
    expect(await client.send(post)).toMatchObject({ status: 200, body: 'good' })
    expect(client.requests).toBe(2)
  })

  it('sends no request twice because of a 100 Continue that was not asked for', async () => {
    client.script({ raw: `HTTP/1.1 100 Continue\r\n\r\n${good}` })
    // Some transports cannot read what follows.
    await expectGoodOrRefused(client.send(get), client.send(post))
    expect(client.requests).toBe(2)
  })

  it.each([
    ['an upgrade that was not asked for', upgrade],
    ['early hints without end', endless('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(50))],
  ])('takes %s for a response that cannot be read', async (_what, raw) => {
    const only = await client.useFirst({ retry: { maxRetries: 1, backoffBaseMs: 1 } })
    only.script = { raw }
    await expectPrompt(() => expect(client.send(post)).rejects.toThrow())
    expect(client.requests).toBe(1)
    await client.expectAllDone(1)
    await expectPrompt(() => expect(client.send(get)).rejects.toThrow())
    expect(client.requests).toBe(3)
    await client.expectAllDone(3)
    expect(client.finished.map((event) => event.type === 'request-finished' && event.outcome.ok)).toEqual([
      false,
      false,
      false,
    ])
  })
}

function describeManyFields(client: HttpClientFixture): void {
  it('gives an answer, or refuses it, however many fields it has', async () => {
    const fields = Array.from({ length: 5_000 }, (_, index) => `${index.toString(36)}:\r\n`).join('')
    client.script({ raw: good.replace('\r\n\r\n', `\r\n${fields}\r\n`) })
    await expectGoodOrRefused(client.send(get))
    expect(client.requests).toBe(1)
  })
}

const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello'

/** `part` over and over, as quickly as it is read. */
function endless(part: string): (socket: Socket) => void {
  return (socket) => {
    const write = (): void => {
      while (!socket.destroyed && socket.write(part));
    }
    socket.on('drain', write)
    write()
  }
}

async function expectGoodOrRefused(...responses: readonly Promise<unknown>[]): Promise<void> {
  for (const settled of await Promise.allSettled(responses)) {
    if (settled.status === 'fulfilled') expect(settled.value).toMatchObject({ status: 200, body: 'good' })
  }
}
